//! `portcullis test`: cases of users against their policies, and files of vectors.

mod find;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use portcullis_cases::{CaseResult, Files, Suite, Verdict, junit, one_line, run_vectors};

use crate::args::Test;
use crate::check::{fail, write};

/// A larger file is refused unread.
const MAX_FILE: u64 = 64 << 20;

/// Exits 0 when all passed, 1 when one failed or there was nothing to run.
pub(crate) fn test(arguments: &Test) -> ExitCode {
    match &arguments.vectors {
        Some(file) => vectors(file),
        None => cases(arguments),
    }
}

fn vectors(file: &Path) -> ExitCode {
    let ran = text(file)
        .and_then(|text| run_vectors(&text).map_err(|error| format!("{}: {error}", file.display())));
    let ran = match ran {
        Ok(ran) => ran,
        Err(why) => {
            let failed = fail(&why);
            // Whoever reads the last line learns that nothing passed.
            let _ = write(&summary(0, 0));
            return failed;
        }
    };
    let mut out = String::new();
    for vector in &ran {
        for failure in &vector.failures {
            out.push_str(&format!("FAILED {}: {failure}\n", vector.id));
        }
    }
    let passed = ran.iter().filter(|vector| vector.passed()).count();
    let failed = ran.len() - passed;
    out.push_str(&summary(passed, failed));
    finish(&out, failed == 0)
}

fn cases(arguments: &Test) -> ExitCode {
    let mut files = Vec::new();
    for path in &arguments.paths {
        match find::case_files(path) {
            Ok(found) => files.extend(found),
            Err(why) => return fail(&why),
        }
    }
    let mut suite = Suite::new(&Disk);
    let mut results = Vec::new();
    let mut out = String::new();
    for file in &files {
        let name = file.to_string_lossy();
        let text = match text(file) {
            Ok(text) => text,
            Err(why) => return fail(&why),
        };
        for result in suite.run(&name, &text) {
            line(&result, &mut out);
            results.push(result);
        }
        if write(&out).is_err() {
            return ExitCode::FAILURE;
        }
        out.clear();
    }
    if let Some(file) = &arguments.junit {
        let written = std::fs::File::create(file).and_then(|mut to| to.write_all(junit(&results).as_bytes()));
        if let Err(error) = written {
            return fail(&format!("{} cannot be written: {error}", file.display()));
        }
    }
    if results.is_empty() {
        fail("no cases were found: a file of cases is YAML with the key `cases`");
    }
    out.push_str(&suite.coverage().to_string());
    let passed = results.iter().filter(|result| result.passed()).count();
    let failed = results.len() - passed;
    out.push_str(&summary(passed, failed));
    finish(&out, failed == 0 && !results.is_empty())
}

fn line(result: &CaseResult, out: &mut String) {
    let CaseResult {
        file,
        span,
        name,
        verdict,
    } = result;
    let name = one_line(name);
    match verdict {
        Verdict::Passed => out.push_str(&format!("ok {file}:{} {name}\n", span.line)),
        Verdict::Failed { differences, trace } => {
            out.push_str(&format!("FAILED {file}:{} {name}\n", span.line));
            for difference in differences {
                out.push_str(&format!("  {difference}\n"));
            }
            for line in trace.iter().flat_map(|trace| trace.lines()) {
                out.push_str(&format!("    {line}\n"));
            }
        }
        Verdict::Broken(problems) => {
            out.push_str(&format!("FAILED {file}:{} {name}\n", span.line));
            for problem in problems {
                out.push_str(&format!("  {problem}\n"));
            }
        }
    }
}

fn summary(passed: usize, failed: usize) -> String {
    format!("{passed} passed, {failed} failed\n")
}

fn finish(out: &str, passed: bool) -> ExitCode {
    if write(out).is_ok() && passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> Result<String, String> {
        text(path)
    }
}

/// The text of a file of bounded size.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    let read = || {
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        let read = file.take(MAX_FILE.saturating_add(1)).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>((text, read))
    };
    match read() {
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        Ok((_, read)) if u64::try_from(read).is_ok_and(|read| read > MAX_FILE) => Err(format!(
            "{} is larger than {} MiB",
            path.display(),
            MAX_FILE >> 20
        )),
        Ok((text, _)) => Ok(text),
    }
}
