//! What every page has: its head, its style, and the layout of its pictures.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::safe::safe;
use super::table::{TABLE_WIDTHS, grid, remarks};
use crate::report::pictures::{Picture, legend};

/// Pages first, pictures second.
const STYLE: [&str; 2] = [include_str!("report.css"), include_str!("pictures.css")];

/// The rules by which the rows of a table become blocks, for tables of a class in windows up to a width.
const BLOCKS: &str = include_str!("blocks.css");

/// A table with more columns than this stands below its picture, not beside it.
const BESIDE: usize = 4;

/// A page with this title and content.
pub(in crate::report) fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (safe(title)) }
                style {
                    @for style in STYLE { (PreEscaped(style)) }
                    @for (class, width) in TABLE_WIDTHS {
                        (PreEscaped(BLOCKS.replace("TABLE", class).replace("WIDTH", width)))
                    }
                }
            }
            body { main { (content) } }
        }
    };
    page.into_string() + "\n"
}

/// A picture with its figures beside or below it.
pub(in crate::report) fn picture(picture: &Picture) -> Markup {
    html! {
        figure class=[(picture.table.columns.len() <= BESIDE).then_some("beside")] {
            figcaption {
                h2 { (safe(&picture.title)) }
                p { (picture.reading) }
            }
            div.drawing {
                (legend(&picture.legend))
                (picture.drawing)
            }
            div.figures {
                (grid(&picture.table.columns, &picture.table.rows))
                (remarks(&picture.table.remarks))
            }
        }
    }
}

/// A section with its heading; nothing if it would be empty.
pub(in crate::report) fn section(heading: &str, content: &Markup) -> Markup {
    html! {
        @if !content.0.is_empty() {
            section { h2 { (safe(heading)) } (content) }
        }
    }
}
