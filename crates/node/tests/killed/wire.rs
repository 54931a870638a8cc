//! What the two processes say to each other: letters, and how far the child is.

use bitneuron_core::{Digest, NodeId};
use bitneuron_net::Channel;
use std::io::{self, Read, Write};

/// One saying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saying {
    /// A letter: from whom when the child hears it, to whom when it speaks.
    Letter { peer: NodeId, channel: Channel, bytes: Vec<u8> },
    /// The child is up, with the last block of its ledger, the root after it, and so many records in its log.
    Up { height: u64, block: Digest, root: Digest, records: u64 },
    /// The child has kept a block.
    Kept { height: u64, block: Digest, root: Digest },
}

/// Bytes and numbers one behind the other.
struct Form(Vec<u8>);

impl Form {
    fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn name(mut self, name: [u8; 32]) -> Self {
        self.0.extend(name);
        self
    }
}

fn number(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn name(from: &mut impl Read) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

impl Saying {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let form = |kind: u64| Form(Vec::new()).number(kind);
        let Form(bytes) = match self {
            Self::Letter { peer, channel, bytes } => {
                let mut form = form(0).name(peer.0).number(channel.0.into()).number(bytes.len() as u64);
                form.0.extend(bytes);
                form
            }
            Self::Up { height, block, root, records } => {
                form(1).number(*height).name(block.0).name(root.0).number(*records)
            }
            Self::Kept { height, block, root } => form(2).number(*height).name(block.0).name(root.0),
        };
        to.write_all(&bytes)
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        Ok(match number(from)? {
            0 => {
                let peer = NodeId(name(from)?);
                let channel = Channel(number(from)? as u16);
                let mut bytes = vec![0; number(from)? as usize];
                from.read_exact(&mut bytes)?;
                Self::Letter { peer, channel, bytes }
            }
            1 => Self::Up {
                height: number(from)?,
                block: Digest(name(from)?),
                root: Digest(name(from)?),
                records: number(from)?,
            },
            _ => Self::Kept { height: number(from)?, block: Digest(name(from)?), root: Digest(name(from)?) },
        })
    }
}
