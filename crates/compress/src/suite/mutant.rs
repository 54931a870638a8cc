//! Packets with one thing wrong.

use crate::Packet;
use bitneuron_core::Seed;
use rand::Rng;

/// `packet` with the right header and one thing wrong in its parts: a bit, a byte, a number, a length, or the order.
pub fn mutant(packet: &Packet, seed: Seed) -> Packet {
    let mut rng = seed.rng();
    let mut parts: Vec<Vec<u8>> = packet.parts().iter().map(|part| part.0.clone()).collect();
    let count = parts.len();
    let mut below = |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    let (chosen, other, kind, noise) = (below(count), below(count), below(10), below(1 << 32));
    match (kind, parts.get_mut(chosen)) {
        (0, _) | (_, None) => parts.push(vec![noise as u8; noise % 9]),
        (1, _) => drop(parts.remove(chosen)),
        (2, _) => parts.swap(chosen, other),
        (3, Some(part)) => part.truncate(below(part.len())),
        (4, Some(part)) => part.extend_from_slice(&noise.to_le_bytes()[..=noise % 4]),
        (_, Some(part)) => spoil(part, kind, noise, &mut below),
    }
    let same = Packet::new(packet.codec(), packet.layout(), parts);
    same.unwrap_or_else(|_| packet.clone())
}

/// One bit, byte or number of a part; more often near its front, where the structure is.
fn spoil(part: &mut [u8], kind: usize, noise: usize, below: &mut impl FnMut(usize) -> usize) {
    let reach = if noise & 1 == 0 { part.len().min(24) } else { part.len() };
    let at = below(reach);
    let extremes = [
        0u32,
        1,
        2,
        0x7f,
        0xff,
        0xffff,
        0x1_0000,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
        0x7f80_0000,
        0x7fc0_0000,
    ];
    let number = extremes.get(noise % extremes.len()).copied().unwrap_or_default().to_le_bytes();
    let width = match kind {
        5 => 1,
        6 => 2,
        7 => 4,
        _ => 0,
    };
    part.iter_mut().skip(at).zip(number).take(width).for_each(|(byte, new)| *byte = new);
    if let (0, Some(byte)) = (width, part.get_mut(at)) {
        *byte ^= 1 << (noise >> 8 & 7);
    }
}

/// The bytes of `packet` with one to three bits flipped anywhere, or cut, or longer.
pub fn mutant_bytes(packet: &Packet, seed: Seed) -> Vec<u8> {
    let mut rng = seed.rng();
    let mut bytes = packet.to_bytes();
    let mut below = |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    match below(8) {
        0 => bytes.truncate(below(bytes.len())),
        1 => bytes.push(below(256) as u8),
        flips => {
            for _ in 0..=flips % 3 {
                let (at, bit) = (below(bytes.len()), below(8));
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
        }
    }
    bytes
}
