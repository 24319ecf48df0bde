//! What refusing below a threshold would do: for each threshold, how many questions with and without an answer are refused.

/// A measured strength of evidence, and whether the question has an answer.
pub type Measured = (f64, bool);

/// Prints a row for each threshold, and marks the one in use.
pub fn print(name: &str, measured: &[Measured], thresholds: &[f64], used: f64) {
    let with = measured.iter().filter(|(_, answerable)| *answerable).count();
    let without = measured.len() - with;
    println!(
        "| {name} below | of {with} with an answer refused | of {without} without refused | precision | recall |\n\
         | --- | --- | --- | --- | --- |"
    );
    for threshold in thresholds {
        let refused = |is_answerable: bool| {
            measured
                .iter()
                .filter(|(strength, answerable)| *answerable == is_answerable && strength < threshold)
                .count()
        };
        let (wrongly, rightly) = (refused(true), refused(false));
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        let mark = if (threshold - used).abs() < 1e-9 { " (in use)" } else { "" };
        println!(
            "| {threshold:.2}{mark} | {wrongly} | {rightly} | {:.2} | {:.2} |",
            share(rightly, rightly + wrongly),
            share(rightly, without)
        );
    }
    println!();
}
