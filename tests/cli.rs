//! Golden tests of the command line: `testdata/cli/NAME.case` says what is run, `NAME.out` what must come of it.
//!
//! A case has lines `# fixture: NAME.wat` or `NAME.wit` (made `NAME.wasm` in the directory it runs in), other comments,
//! and `$ command` lines, each run by its own `sh`. `WHARF_BLESS=1` writes what came into the `.out` files, to be read before committing.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
const WHARF: &str = env!("CARGO_BIN_EXE_wharf");

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::from_args();
    let bless = env::var_os("WHARF_BLESS").is_some_and(|value| value == "1");
    let cases = find_cases(&Path::new(TESTDATA).join("cli"))?;
    let mut trials = self_tests();
    for case in cases {
        trials.push(Trial::test(stem(&case), move || {
            Ok(run_case(&case, bless)?)
        }));
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// Returns the cases of a directory that holds nothing but cases and what comes of them.
fn find_cases(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let files: BTreeSet<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    for file in &files {
        let known = file
            .extension()
            .is_some_and(|extension| extension == "case")
            || (file.extension().is_some_and(|extension| extension == "out")
                && files.contains(&file.with_extension("case")));
        if !known {
            return Err(io::Error::other(format!(
                "{} belongs to no case",
                file.display()
            )));
        }
    }
    let is_case = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| extension == "case")
    };
    Ok(files.into_iter().filter(is_case).collect())
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// What a case asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Case {
    fixtures: Vec<String>,
    commands: Vec<String>,
}

fn parse(text: &str) -> Result<Case, String> {
    let mut case = Case::default();
    for (index, line) in text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            case.commands.push(command.to_owned());
        } else if let Some(fixture) = line.strip_prefix("# fixture:") {
            case.fixtures.push(fixture.trim().to_owned());
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(format!(
                "line {}: neither a comment nor a `$ ` command: {line:?}",
                index + 1
            ));
        }
    }
    match case.commands.is_empty() {
        true => Err("no command".to_owned()),
        false => Ok(case),
    }
}

fn run_case(path: &Path, bless: bool) -> Result<(), Box<dyn Error>> {
    let case = parse(&fs::read_to_string(path)?)?;
    let actual = play(&case)?;
    let golden = path.with_extension("out");
    if bless {
        fs::write(&golden, actual)?;
        return Ok(());
    }
    let expected = match fs::read_to_string(&golden) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        expected => expected?,
    };
    compare(&expected, &actual).map_err(Into::into)
}

/// Runs the commands of a case in a new directory and returns the whole transcript.
fn play(case: &Case) -> Result<String, Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    // What programs print is the path without symbolic links.
    let root = scratch.path().canonicalize()?;
    let (work, home) = (root.join("work"), root.join("home"));
    fs::create_dir(&work)?;
    fs::create_dir(&home)?;
    for fixture in &case.fixtures {
        fs::write(work.join(fixture).with_extension("wasm"), made(fixture)?)?;
    }
    let programs = Path::new(WHARF)
        .parent()
        .ok_or("the binary has no directory")?;

    let mut transcript = String::new();
    for command in &case.commands {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(&work)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("HOME", &home)
            .env("WHARF_CACHE", home.join("cache"))
            .env("DOCKER_CONFIG", home.join("docker"))
            .envs([
                ("COLUMNS", "100"),
                ("NO_COLOR", "1"),
                ("TZ", "UTC"),
                ("LANG", "C"),
                ("LC_ALL", "C"),
            ])
            .output()?;
        if !transcript.is_empty() {
            transcript.push('\n');
        }
        writeln!(transcript, "$ {command}")?;
        transcript.push_str(&readable(&output.stdout, "", &work, &home));
        transcript.push_str(&readable(&output.stderr, "stderr: ", &work, &home));
        match output.status.code() {
            Some(code) => writeln!(transcript, "exit: {code}")?,
            None => writeln!(transcript, "exit: {}", output.status)?,
        }
    }
    Ok(transcript)
}

/// Makes the binary of a fixture: of a `.wit` text the WIT package, encoded as a component.
fn made(fixture: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let testdata = Path::new(TESTDATA);
    if !fixture.ends_with(".wit") {
        return Ok(wat::parse_file(testdata.join("wat").join(fixture))?);
    }
    let text = fs::read_to_string(testdata.join("wit").join(fixture))?;
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str(fixture, &text)?;
    Ok(wit_component::encode(&resolve, package, false)?)
}

/// Makes a program's output the same on every machine, and visible to the last byte.
fn readable(output: &[u8], mark: &str, work: &Path, home: &Path) -> String {
    let text = String::from_utf8_lossy(output)
        .replace(&*work.to_string_lossy(), "[DIR]")
        .replace(&*home.to_string_lossy(), "[HOME]");
    let mut readable = String::new();
    for line in text.split_inclusive('\n') {
        readable.push_str(mark);
        for character in line.trim_end_matches('\n').chars() {
            match character {
                '\t' => readable.push(character),
                control if control.is_control() => readable.extend(control.escape_default()),
                other => readable.push(other),
            }
        }
        readable.push_str(if line.ends_with('\n') {
            "\n"
        } else {
            "[no newline]\n"
        });
    }
    readable
}

/// Returns the difference, line by line, if there is one.
fn compare(expected: &str, actual: &str) -> Result<(), String> {
    if expected == actual {
        return Ok(());
    }
    let mut report = String::from(
        "not what was expected (- expected, + came; WHARF_BLESS=1 accepts what came)\n",
    );
    for (mark, line) in difference(expected, actual) {
        report.push(mark);
        report.push_str(line);
        report.push('\n');
    }
    Err(report)
}

/// Marks the lines of both texts: ` ` in both (a longest common subsequence), `-` in the first, `+` in the second only.
fn difference<'a>(first: &'a str, second: &'a str) -> Vec<(char, &'a str)> {
    let (first, second): (Vec<&str>, Vec<&str>) =
        (first.lines().collect(), second.lines().collect());
    // common[i][j]: how many lines the rests from i and j on have in common.
    let mut common = vec![vec![0_usize; second.len() + 1]; first.len() + 1];
    for i in (0..first.len()).rev() {
        for j in (0..second.len()).rev() {
            common[i][j] = match first[i] == second[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut marked = Vec::new();
    while i < first.len() || j < second.len() {
        if i < first.len() && j < second.len() && first[i] == second[j] {
            marked.push((' ', first[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == second.len() || (i < first.len() && common[i + 1][j] >= common[i][j + 1]) {
            marked.push(('-', first[i]));
            i += 1;
        } else {
            marked.push(('+', second[j]));
            j += 1;
        }
    }
    marked
}

/// The harness must notice what it is for.
fn self_tests() -> Vec<Trial> {
    let transcript = |commands: &[&str]| {
        let commands = commands
            .iter()
            .map(|command| (*command).to_owned())
            .collect();
        play(&Case {
            commands,
            fixtures: Vec::new(),
        })
        .map_err(|error| Failed::from(error.to_string()))
    };
    vec![
        Trial::test("harness::output_status_and_files_are_seen", move || {
            let actual = transcript(&[
                "echo made >file; pwd; echo $HOME >&2; exit 3",
                "printf 'a\\033\\n'; cat file | tr -d '\\n'",
                "kill -9 $$",
            ])?;
            let expected = "$ echo made >file; pwd; echo $HOME >&2; exit 3\n[DIR]\nstderr: [HOME]\nexit: 3\n\n\
                $ printf 'a\\033\\n'; cat file | tr -d '\\n'\na\\u{1b}\nmade[no newline]\nexit: 0\n\n\
                $ kill -9 $$\nexit: signal: 9 (SIGKILL)\n";
            Ok(compare(expected, &actual)?)
        }),
        Trial::test("harness::the_environment_is_ours", move || {
            // What shells set by themselves differs from one to the next.
            let names = "env | cut -d= -f1 | grep -vwE '_|PWD|OLDPWD|SHLVL' | sort | xargs echo";
            let actual = transcript(&[names, "command -v wharf"])?;
            let expected = format!(
                "$ {names}\nCOLUMNS DOCKER_CONFIG HOME LANG LC_ALL NO_COLOR PATH TZ WHARF_CACHE\nexit: 0\n\n\
                $ command -v wharf\n{WHARF}\nexit: 0\n"
            );
            Ok(compare(&expected, &actual)?)
        }),
        Trial::test("harness::a_difference_is_shown", || {
            let report = compare("one\ntwo\nthree\n", "one\nthree\nfour\n")
                .err()
                .unwrap_or_default();
            match report.ends_with(")\n one\n-two\n three\n+four\n") {
                true => Ok(()),
                false => Err(report.into()),
            }
        }),
        Trial::test(
            "harness::a_missing_line_end_is_a_difference",
            || match compare("a\n", "a") {
                Ok(()) => Err("not noticed".into()),
                Err(_) => Ok(()),
            },
        ),
        Trial::test("harness::a_case_is_comments_and_commands", || {
            let parsed = parse("# why\n# fixture: calc.wat\n\n$ wharf x\n")?;
            let expected = Case {
                fixtures: vec!["calc.wat".to_owned()],
                commands: vec!["wharf x".to_owned()],
            };
            let wrong = [parse("wharf x\n"), parse("# nothing\n")];
            match parsed == expected && wrong.iter().all(Result::is_err) {
                true => Ok(()),
                false => Err(format!("{parsed:?} {wrong:?}").into()),
            }
        }),
    ]
}
