//! Colours of plots: few, told apart by colour-blind people, dark enough for text on white.
//!
//! A plot is drawn in the colours of light paper. On dark paper a style sheet selects each drawn colour by its value and
//! puts the lighter sister in its place, so one drawing serves both.

use plotters::style::RGBColor;

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text and the axis.
    Text,
    /// Lines of the mesh.
    Mesh,
    /// What is compared with.
    Grey,
    /// The main thing.
    Blue,
    /// The second thing, or who misbehaves.
    Vermilion,
    /// The third thing.
    Green,
    /// The fourth thing.
    Purple,
    /// The fifth thing.
    Ochre,
}

impl Ink {
    /// All, in the order of the style sheet.
    const ALL: [Self; 8] = [
        Self::Text,
        Self::Mesh,
        Self::Grey,
        Self::Blue,
        Self::Vermilion,
        Self::Green,
        Self::Purple,
        Self::Ochre,
    ];
    /// For things without a colour of their own.
    pub(crate) const SPARE: [Self; 4] = [Self::Purple, Self::Ochre, Self::Vermilion, Self::Grey];

    /// On light paper and on dark paper.
    const fn shades(self) -> (u32, u32) {
        match self {
            Self::Text => (0x3A_44_50, 0xC9_D1_DA),
            Self::Mesh => (0xE3_E7_EB, 0x2E_36_40),
            Self::Grey => (0x6B_75_80, 0x97_A3_B0),
            Self::Blue => (0x00_68_A8, 0x5C_B3_EC),
            Self::Vermilion => (0xC2_4A_00, 0xFF_8C_4F),
            Self::Green => (0x00_7A_5C, 0x3F_C7_9F),
            Self::Purple => (0x9A_4B_7E, 0xE5_9A_C6),
            Self::Ochre => (0x85_65_00, 0xDD_B7_45),
        }
    }

    /// As drawn.
    pub(crate) fn colour(self) -> RGBColor {
        let [_, red, green, blue] = self.shades().0.to_be_bytes();
        RGBColor(red, green, blue)
    }
}

/// Style rules that turn drawn colours into those of dark paper.
pub(crate) fn dark_rules() -> String {
    let rule = |ink: Ink| {
        let (light, dark) = ink.shades();
        format!(
            "svg [fill=\"#{light:06X}\"]{{fill:#{dark:06X}}}svg [stroke=\"#{light:06X}\"]{{stroke:#{dark:06X}}}"
        )
    };
    Ink::ALL.map(rule).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast as web guidelines define them.
    fn contrast(one: u32, other: u32) -> f64 {
        let luminance = |colour: u32| {
            let [_, red, green, blue] = colour.to_be_bytes().map(|byte| {
                let share = f64::from(byte) / 255.0;
                if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn labels_are_legible_on_both_papers() {
        for ink in Ink::ALL.into_iter().filter(|ink| *ink != Ink::Mesh) {
            let (light, dark) = ink.shades();
            assert!(contrast(light, 0xFF_FF_FF) >= 4.5, "{ink:?} on light paper");
            assert!(contrast(dark, 0x15_1A_20) >= 4.5, "{ink:?} on dark paper");
        }
    }

    #[test]
    fn each_colour_is_drawn_once_so_that_it_can_be_selected() {
        let mut drawn: Vec<_> = Ink::ALL.iter().map(|ink| ink.shades().0).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), Ink::ALL.len());
    }
}
