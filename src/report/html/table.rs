//! Tables and lists of terms. In a narrow window each row of a table becomes a block, so that no column is cut off.

use maud::{Markup, html};

use super::safe::safe;
use crate::report::outline::TableColumn;

/// From so many columns on, a table becomes blocks earlier.
const MANY: usize = 6;
const MOST: usize = 10;

/// The classes of tables, and the widths of the window up to which their rows are blocks.
pub(super) const TABLE_WIDTHS: [(&str, &str); 3] = [(".wide", "40rem"), (".many", "64rem"), (".most", "80rem")];

/// A table of figures with so many columns and at most so many rows is turned: its columns become rows.
const TURNED: (usize, usize) = (10, 5);

/// A table.
pub(in crate::report) fn grid(columns: &[TableColumn], rows: &[Vec<String>]) -> Markup {
    let is_of_figures = columns.iter().skip(1).all(|column| column.numeric);
    if !is_of_figures || columns.len() < TURNED.0 || rows.len() > TURNED.1 {
        return upright(columns, rows);
    }
    let first = std::iter::once(TableColumn::kept(&columns[0].heading, false));
    let turned: Vec<TableColumn> = first.chain(rows.iter().map(|row| TableColumn::kept(&row[0], true))).collect();
    let row = |at: usize| {
        let cells = rows.iter().map(|row| row.get(at).cloned().unwrap_or_default());
        std::iter::once(columns[at].heading.clone()).chain(cells).collect()
    };
    upright(&turned, &(1..columns.len()).map(row).collect::<Vec<_>>())
}

fn upright(columns: &[TableColumn], rows: &[Vec<String>]) -> Markup {
    html! {
        div.wide.many[columns.len() >= MANY].most[columns.len() >= MOST] {
            table {
                thead {
                    tr {
                        @for column in columns { th class=[figure_class(column)] scope="col" { (safe(&column.heading)) } }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (at, (cell, column)) in row.iter().zip(columns).enumerate() {
                                @if at == 0 {
                                    th class=[figure_class(column)] scope="row" data-label=(safe(&column.heading)) { (safe(cell)) }
                                } @else {
                                    td class=[figure_class(column)] data-label=(safe(&column.heading)) { (kept_together(cell, column)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The class of the cells of a column.
fn figure_class(column: &TableColumn) -> Option<&'static str> {
    column.numeric.then_some("figure")
}

/// A figure that is only broken before its interval or its spread.
fn kept_together(cell: &str, column: &TableColumn) -> String {
    let cell = safe(cell);
    if !column.numeric {
        return cell;
    }
    cell.replace(' ', "\u{a0}").replace("\u{a0}[", " [").replace("\u{a0}±", " ±").replace("\u{a0}(", " (")
}

/// Remarks below a table.
pub(in crate::report) fn remarks(remarks: &[String]) -> Markup {
    html! { @for remark in remarks { p.remark { (safe(remark)) } } }
}

/// Terms with what they mean.
pub(super) fn definitions(pairs: &[(String, String)]) -> Markup {
    html! {
        @if !pairs.is_empty() {
            dl { @for (name, text) in pairs { dt { (safe(name)) } dd { (safe(text)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(figures: usize) -> Vec<TableColumn> {
        let name = |at: usize| if at == 0 { "case".to_owned() } else { format!("m{at}") };
        (0..=figures).map(|at| TableColumn::kept(name(at), at > 0)).collect()
    }

    #[test]
    fn wide_table_with_few_rows_is_transposed() {
        let rows = vec![(0..=9).map(|at| format!("a{at}")).collect::<Vec<_>>()];
        let turned = grid(&columns(9), &rows).into_string();
        assert_eq!(turned.matches("<tr>").count(), 10, "{turned}");
        for at in 1..=9 {
            let row = format!("data-label=\"case\">m{at}</th><td class=\"figure\" data-label=\"a0\">a{at}</td>");
            assert!(turned.contains(&row), "{turned}");
        }
        let many_rows = vec![rows[0].clone(); 6];
        assert_eq!(grid(&columns(9), &many_rows).into_string().matches("<tr>").count(), 7);
        let mut with_prose = columns(9);
        with_prose[9].numeric = false;
        assert_eq!(grid(&with_prose, &rows).into_string().matches("<tr>").count(), 2);
    }

    #[test]
    fn figure_breaks_only_before_its_interval() {
        let cell = |text: &str| kept_together(text, &columns(1)[1]);
        assert_eq!(cell("16.67 ms [16.64, 16.69]"), "16.67\u{a0}ms [16.64,\u{a0}16.69]");
        assert_eq!(cell("16.67 ± 0.21 ms"), "16.67 ±\u{a0}0.21\u{a0}ms");
        assert_eq!(kept_together("as it is", &columns(1)[0]), "as it is");
    }
}
