//! Text of a record on its way into a page. The templates escape markup; this takes care of everything else.

use crate::report::markdown::LONGEST;
use crate::text;

/// Text on one line and of limited length, without characters that steer a terminal or turn text around.
pub(in crate::report) fn safe(text: &str) -> String {
    text::shortened(&text::line(text), LONGEST).into()
}
