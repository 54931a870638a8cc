//! Attacks on what is learned, by users that collude.

use crate::attack::{self, Attack};
use crate::unread::Unread;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An attack of [`attack`](crate::attack), and how many of the users play it together.
#[derive(Debug, Clone, PartialEq)]
pub struct Assault {
    name: String,
    share: f64,
}

impl Assault {
    /// The attack.
    ///
    /// # Errors
    /// None that reading the text has not found.
    pub fn attack(&self) -> Result<Arc<dyn Attack>, Unread> {
        read(&self.name)
    }

    /// How it is written, without the share.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many of so many users play it, to nearest.
    pub fn among(&self, users: u32) -> u32 {
        (self.share * f64::from(users)).round() as u32
    }
}

fn unread(text: &str) -> Unread {
    let expected = "an attack with the share of users that play it, up to a half, as `ipm:0.2` or `alie:z=1.5:0.25`; \
                    `bitneuron lab list` tells which there are, and those with false names play in the lab alone";
    Unread { text: text.into(), expected }
}

/// An attack that users can play: under one name each, and on nobody's view of its peers.
fn read(name: &str) -> Result<Arc<dyn Attack>, Unread> {
    let attack = attack::named(name).ok().filter(|attack| attack.names() == 1 && !attack.poisons_views());
    attack.ok_or_else(|| unread(name))
}

impl FromStr for Assault {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let (name, share) = text.rsplit_once(':').ok_or_else(|| unread(text))?;
        let share: f64 =
            share.parse().ok().filter(|share| *share > 0.0 && *share <= 0.5).ok_or_else(|| unread(text))?;
        read(name).map_err(|_| unread(text))?;
        Ok(Self { name: name.into(), share })
    }
}

impl fmt::Display for Assault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assaults_read_as_they_are_written() {
        for text in ["ipm:0.2", "alie:z=1.5:0.25", "labelflip:0.5", "flood:times=3:0.1"] {
            assert_eq!(text.parse::<Assault>().map(|assault| assault.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("ipm:0.25".parse::<Assault>().map(|assault| assault.among(50)), Ok(13));
        for wrong in [
            "",
            "ipm",
            "0.2",
            "ipm:0",
            "ipm:0.6",
            "ipm:NaN",
            "nothing:0.2",
            "sybils:names=3:0.2",
            "eclipse:0.2",
        ] {
            assert!(wrong.parse::<Assault>().is_err(), "{wrong:?}");
        }
    }
}
