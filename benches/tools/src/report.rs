//! `sstp-bench report`: medians and ranges of what was measured.
//!
//! Reads lines `NAME: NUMBER...` and prints a row for each name, in the order in which they first came. `--columns A,B`
//! names the numbers. `--ratio 'NAME=BASE'` adds a row with the median of the quotients of the two, run by run: what
//! disturbed a whole run of both disturbs their quotient less.

use std::io::Read as _;

use crate::options::Options;

/// The runs of one name; each has a number for every column.
struct Series {
    name: String,
    runs: Vec<Vec<f64>>,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let columns: String = options.need("columns")?;
    let columns: Vec<&str> = columns.split(',').collect();
    let series = read(&text, columns.len())?;
    println!("| | runs | {} |", columns.join(" | "));
    println!("|---|---:|{}", "---:|".repeat(columns.len()));
    for Series { name, runs } in &series {
        println!("{}", row(name, runs));
    }
    for ratio in options.all::<String>("ratio")? {
        let find = |name: &str| series.iter().find(|series| series.name == name).ok_or(format!("there is no {name}"));
        let (name, base) = ratio.split_once('=').ok_or("--ratio needs NAME=BASE")?;
        let quotients: Vec<Vec<f64>> = find(name)?.runs.iter().zip(&find(base)?.runs).map(divide).collect();
        println!("{}", row(&format!("{name} : {base}"), &quotients));
    }
    Ok(())
}

fn read(text: &str, columns: usize) -> Result<Vec<Series>, String> {
    let mut all: Vec<Series> = Vec::new();
    for line in text.lines() {
        let (name, numbers) = line.split_once(':').ok_or_else(|| format!("{line:?} has no name"))?;
        let numbers: Vec<f64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        if numbers.len() != columns {
            return Err(format!("{line:?} does not have {columns} numbers"));
        }
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) => series.runs.push(numbers),
            None => all.push(Series { name: name.to_owned(), runs: vec![numbers] }),
        }
    }
    Ok(all)
}

fn divide((run, base): (&Vec<f64>, &Vec<f64>)) -> Vec<f64> {
    run.iter().zip(base).map(|(number, base)| number / base).collect()
}

fn row(name: &str, runs: &[Vec<f64>]) -> String {
    let columns = runs.first().map_or(0, Vec::len);
    let cells = (0..columns).map(|column| {
        let mut numbers: Vec<f64> = runs.iter().map(|run| run[column]).collect();
        numbers.sort_by(f64::total_cmp);
        let (least, most) = (numbers[0], numbers[numbers.len() - 1]);
        format!("{} ({}-{})", show(median(&numbers)), show(least), show(most))
    });
    format!("| {name} | {} | {} |", runs.len(), cells.collect::<Vec<_>>().join(" | "))
}

/// Of sorted numbers, at least one.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

fn show(number: f64) -> String {
    if !number.is_finite() {
        "-".to_owned()
    } else if number.abs() >= 100.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
        let series = read("a b: 3 1\nc: 1 1\na b: 1 2\na b: 2 300\n", 2).unwrap();
        assert_eq!(row(&series[0].name, &series[0].runs), "| a b | 3 | 2.00 (1.00-3.00) | 2.00 (1.00-300) |");
        assert!(read("a: 1\n", 2).is_err() && read("a 1\n", 1).is_err());
    }
}
