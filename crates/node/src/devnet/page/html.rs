//! Markup that cannot be forged: foreign text enters only through [`Markup::text`], which escapes it.

use std::ops::AddAssign;

/// A piece of HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Markup(String);

impl Markup {
    /// Text, escaped so that it is safe between tags and inside quoted attributes.
    pub(super) fn text(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                other => escaped.push(other),
            }
        }
        Self(escaped)
    }

    /// Markup that this program wrote: the style sheet, an SVG of the plotting backend.
    pub(super) fn own(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// `<tag class="…">content</tag>`; without a class when it is empty. Tag and class are words of this program.
    pub(super) fn element(tag: &'static str, class: &'static str, content: &Self) -> Self {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        Self(format!("<{tag}{class}>{}</{tag}>", content.0))
    }

    /// An element that holds only text.
    pub(super) fn words(tag: &'static str, class: &'static str, text: &str) -> Self {
        Self::element(tag, class, &Self::text(text))
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl AddAssign for Markup {
    fn add_assign(&mut self, other: Self) {
        self.0.push_str(&other.0);
        self.0.push('\n');
    }
}

impl FromIterator<Self> for Markup {
    fn from_iter<I: IntoIterator<Item = Self>>(pieces: I) -> Self {
        pieces.into_iter().fold(Self::default(), |mut all, piece| {
            all += piece;
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_text() {
        let markup = Markup::words("td", "", "<script>alert('x & \"y\"')</script>");
        assert_eq!(
            markup.into_string(),
            "<td>&lt;script&gt;alert(&#39;x &amp; &quot;y&quot;&#39;)&lt;/script&gt;</td>"
        );
    }

    #[test]
    fn elements_nest() {
        let cells: Markup = ["a", "b"].map(|text| Markup::words("td", "number", text)).into_iter().collect();
        let row = Markup::element("tr", "", &cells).into_string();
        assert_eq!(row, "<tr><td class=\"number\">a</td>\n<td class=\"number\">b</td>\n</tr>");
    }
}
