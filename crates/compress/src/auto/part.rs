//! The packet of one tensor as a part of the packet of all.

use crate::{CodecId, CompressError, Packet, reader::Reader};
use bitneuron_core::{Layout, params::Entry};
use std::sync::Arc;

/// Codec and number of parts.
pub(super) const HEADER: usize = 4;

/// The part that holds `packet`.
pub(super) fn write_part(packet: &Packet) -> Vec<u8> {
    let mut part = packet.codec().0.to_le_bytes().to_vec();
    part.extend((packet.parts().len() as u16).to_le_bytes());
    packet.parts().iter().for_each(|inner| part.extend((inner.len() as u32).to_le_bytes()));
    packet.parts().iter().for_each(|inner| part.extend_from_slice(inner));
    part
}

/// The packet in a part, and the layout that it is for: of one tensor. What it allocates
/// is paid for by the length of the part.
pub(super) fn read_part(bytes: &[u8], entry: &Entry) -> Result<(Packet, Arc<Layout>), CompressError> {
    let mut reader = Reader::new(bytes);
    let (codec, count) = (CodecId(reader.u16()?), usize::from(reader.u16()?));
    if codec == CodecId::AUTO {
        return Err(CompressError::UnknownCodec(codec));
    }
    let lengths = reader.take(4 * count)?.as_chunks::<4>().0;
    let parts = lengths.iter().map(|length| {
        let length = u32::from_le_bytes(*length) as usize;
        reader.take(length).map(<[u8]>::to_vec)
    });
    let parts = parts.collect::<Result<_, CompressError>>()?;
    reader.finish()?;
    let layout = Arc::new(Layout::new(vec![entry.clone()])?);
    Ok((Packet::new(codec, layout.digest(), parts)?, layout))
}

/// An error of a tensor that begins at `first`.
pub(super) fn at_place(error: CompressError, first: usize) -> CompressError {
    match error {
        CompressError::NotFinite { at } => CompressError::NotFinite { at: first + at },
        CompressError::Interval { at } => CompressError::Interval { at: first + at },
        other => other,
    }
}
