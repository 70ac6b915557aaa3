use super::form::Form;
use super::*;

fn found(a: &[&str], b: &[&str], exclusive: bool) -> Option<Vec<String>> {
    let forms: BTreeSet<_> = a.iter().chain(b).map(|name| Form::of(name)).collect();
    let [Some(_)] = &forms.into_iter().collect::<Vec<_>>()[..] else { return None };
    // As mkstemp(3) makes it, or as any file that is removed in the end.
    let how = How { exclusive, passing: !exclusive, private: exclusive };
    let parts = form::generated_parts(&[a.to_vec(), b.to_vec()], how)?;
    Some(a.iter().map(|name| form::masked(name, &parts)).collect())
}

#[test]
fn generated_parts_are_found() {
    let one = |a, b| found(&[a], &[b], true).map(|names| names[0].clone());
    assert_eq!(one("ccAbC123.s", "ccXyZ987.s").as_deref(), Some("cc<new>.s"));
    // Both begin with the same letter by chance.
    assert_eq!(one("ccAbC123.s", "ccAyZ987.s").as_deref(), Some("cc<new>.s"));
    assert_eq!(one("tmp.qzxvkw", "tmp.hjkqpz").as_deref(), Some("tmp.<new>"));
    assert_eq!(one("cmTC_0c4e8.dir", "cmTC_7fa93.dir").as_deref(), Some("cmTC<new>.dir"));
    assert_eq!(one("go-build441108104", "go-build98217733").as_deref(), Some("go-build<new>"));
    assert_eq!(
        one("s-hoj9zmbj0c-19rszqv-working", "s-abcdefgh12-zzzzzzz-working").as_deref(),
        Some("s-<new>-<new>-working")
    );
    assert_eq!(
        one(
            "log-27f1c8db-f161-4c2e-9d3b-0a1b2c3d4e5f.txt",
            "log-91c0a2de-5952-4a7b-8c11-5f00aa12bc9d.txt"
        )
        .as_deref(),
        Some("log-<new>.txt")
    );
    // A number without leading zeros may be shorter.
    assert_eq!(
        one("etilqs_2021acfa5c80b88", "etilqs_91ab00cd12ef3456").as_deref(),
        Some("etilqs_<new>")
    );
    assert_eq!(
        one(".#lk0x000055d7683021b0.vm", ".#lk0x00005601fe9a31b0.vm").as_deref(),
        Some(".#lk0x00005<new>1b0.vm")
    );
    // Without a letter, and with few digits that differ.
    assert_eq!(
        one(".#lk0x0000563176830210.vm", ".#lk0x000055d1fe9a31b0.vm").as_deref(),
        Some(".#lk0x00005<new>0.vm")
    );
    let a = [".#lk0x0000555a75047410", ".#lk0x0000555a7504a420", ".#lk0x0000555a7504a4b0"];
    let b = [".#lk0x0000557a85eb7410", ".#lk0x0000557a85eba420", ".#lk0x0000557a85eba4b0"];
    assert_eq!(
        found(&a, &b, true).map(|names| names[0].clone()).as_deref(),
        Some(".#lk0x000055<new>0")
    );
    assert_eq!(one("same", "same"), None);
}

/// Any two words of the same length were once one name, so a build could rename its result.
#[test]
fn words_are_not_made_up() {
    for exclusive in [true, false] {
        for (a, b) in [
            ("release", "malware"),
            ("abc.stable", "abc.latest"),
            ("job.d.release", "job.d.malware"),
            ("a1.txt", "a2.txt"),
            ("ab-cdef-gh", "ij-klmn-op"),
            ("output_v1.txt", "output_v2.txt"),
            ("january", "october"),
            ("report-20261128", "report-20261129"),
            // One side alone is no evidence.
            ("release", "x7Kq2fa"),
            // Nor is a random word beside it.
            ("x-AbC123.dev", "x-XyZ987.prd"),
            ("list-AbC123.txt", "list-XyZ987.php"),
            ("release-AbC123", "malware-XyZ987"),
            ("AbC123.md", "XyZ987.sh"),
        ] {
            assert_eq!(found(&[a], &[b], exclusive), None, "{a} {b}");
        }
    }
}

#[test]
fn parts_of_many_names_are_found() {
    let a = &["w.aaaaaa1.1tcdtwb.o", "w.bbbbbb2.1tcdtwb.o"];
    let b = &["w.aaaaaa1.1crwb7z.o", "w.bbbbbb2.1crwb7z.o"];
    // Names that differ in a common part stay distinct.
    assert_eq!(
        found(a, b, false),
        Some(vec!["w.aaaaaa1.1<new>.o".into(), "w.bbbbbb2.1<new>.o".into()])
    );
    let kinds = found(&["ccAbC123.s", "ccDeF456.o"], &["ccXyZ987.s", "ccUvW654.o"], true);
    assert_eq!(kinds.map(|names| names[0].clone()).as_deref(), Some("cc<new>.s"));
    let lock = found(&["s-hojagwrcrw-1dpiwlz.lock"], &["s-hojagwexqz-0634f4j.lock"], false);
    assert_eq!(lock, Some(vec!["s-hoja<new>-<new>.lock".into()]));
}

/// Random letters sometimes look like words. What does not outlive its run needs less evidence.
#[test]
fn passing_names_need_less_evidence() {
    for (a, b, passing) in [
        ("tbmoBFI", "tYetHEP", true),
        ("ccYetHEP.s", "cccAnfXj.s", true),
        ("release", "malware", false),
    ] {
        let how = |passing| How { exclusive: true, passing, private: false };
        let parts = |passing| form::generated_parts(&[vec![a], vec![b]], how(passing));
        assert_eq!(parts(true).is_some(), passing, "{a} {b}");
    }
}

/// Seven random letters and digits are sometimes all digits: rustc's names of object files.
#[test]
fn a_passing_name_may_have_only_digits_beside_a_random_one() {
    let parts = |a, b, passing| {
        let how = How { exclusive: false, passing, private: false };
        form::generated_parts(&[vec![a], vec![b]], how)
    };
    assert!(parts("w-9e25.0316423.rcgu.o", "w-9e25.109tbl8.rcgu.o", true).is_some());
    // What stays is told, and so are two numbers, and a word.
    assert!(parts("w-9e25.0316423.rcgu.o", "w-9e25.109tbl8.rcgu.o", false).is_none());
    assert!(parts("w-9e25.0316423.rcgu.o", "w-9e25.1408975.rcgu.o", true).is_none());
    assert!(parts("w-9e25.release.rcgu.o", "w-9e25.109tbl8.rcgu.o", true).is_none());
}

/// Of two random numbers in hexadecimal digits some are equal at the same place.
#[test]
fn passing_names_may_have_equal_characters() {
    let a = vec!["w.tmpae8d058", "w.tmpdff6f78"];
    let b = vec!["w.tmpa04d097", "w.tmpaca367f"];
    let how = How { exclusive: true, passing: true, private: false };
    assert!(form::generated_parts(&[a, b], how).is_some());
}

/// One program makes several kinds of names of one length.
#[test]
fn kinds_of_names_are_told_by_their_beginnings() {
    let how = How { exclusive: true, passing: true, private: false };
    let side = |names: [&'static str; 2]| names.map(|name| (name, how)).into_iter().collect();
    let a: Members<'_> = side(["/d/rmetaGnYy3M", "/d/rustcIMGzbL"]);
    let b: Members<'_> = side(["/d/rmeta8IYJQQ", "/d/rustceaOPXq"]);
    let mut members = [a, b];
    let found = take_generated(&mut members);
    assert!(members.iter().all(Members::is_empty));
    let names: Vec<_> = found
        .iter()
        .map(|(members, parts)| {
            let name = members[0].keys().next().unwrap();
            form::masked(split(name).1, parts)
        })
        .collect();
    assert_eq!(names, ["rmeta<new>", "rustc<new>"]);
}

/// What mkstemp(3) makes needs hardly any evidence, but no pair of words has so little.
#[test]
fn private_names_need_less_evidence() {
    for (a, b, found) in [("cctliRow.res", "ccE8PIYR.res", true), ("release", "malware", false)] {
        let how = How { exclusive: true, passing: false, private: true };
        let parts = form::generated_parts(&[vec![a], vec![b]], how);
        assert_eq!(parts.is_some(), found, "{a} {b}");
    }
}

/// What is also removed needs less still: git tries symbolic links at a name of mkstemp(3).
#[test]
fn private_passing_names_may_look_like_words() {
    let how = How { exclusive: true, passing: true, private: true };
    assert!(form::generated_parts(&[vec!["teegare"], vec!["tz7NxAf"]], how).is_some());
    // Two that look so are no evidence for each other.
    assert!(form::generated_parts(&[vec!["teegare"], vec!["ternare"]], how).is_none());
}

/// Git makes a temporary file in each folder of its store. One whose letters look like a word by
/// chance is known by the others.
#[test]
fn a_pattern_is_known_by_names_in_other_folders() {
    let how = How { exclusive: true, passing: true, private: false };
    let members = |a, b| [a, b].map(|name: &'static str| Members::from([(name, how)]));
    let family = |name: &str, role: &str| family(name, role, &|_| false).unwrap();
    let mut clear = members("/r/9d/tmp_obj_B8LU0w", "/r/9d/tmp_obj_wkVGr3");
    let mut unclear = members("/r/bf/tmp_obj_oneaci", "/r/bf/tmp_obj_anderi");
    let [of_clear, of_unclear] =
        [&clear, &unclear].map(|members| family(members[0].keys().next().unwrap(), "git"));
    assert!(take_generated(&mut unclear).is_empty());

    let mut patterns = Patterns::default();
    assert_eq!(patterns.parts_of(&of_unclear, &unclear), None);
    let found = take_generated(&mut clear);
    patterns.learn(&of_clear, &found[0].0, &found[0].1);
    let parts = patterns.parts_of(&of_unclear, &unclear).expect("a known pattern");
    assert_eq!(form::masked("tmp_obj_oneaci", &parts), "tmp_obj_<new>");

    // Not another program's, nor names that begin in another way.
    assert_eq!(patterns.parts_of(&family("/r/bf/tmp_obj_oneaci", "tar"), &unclear), None);
    let other = members("/r/bf/new_obj_oneaci", "/r/bf/new_obj_anderi");
    assert_eq!(patterns.parts_of(&family("/r/bf/new_obj_oneaci", "git"), &other), None);
}

/// Looks alone are no evidence: a name that is made as any other file and stays is chosen.
#[test]
fn names_that_stay_need_to_be_hashes() {
    let found = |a, b, exclusive| {
        let how = How { exclusive, passing: false, private: false };
        form::generated_parts(&[vec![a], vec![b]], how).is_some()
    };
    for exclusive in [true, false] {
        for (a, b) in [
            ("MyClass1.class", "BadGuy77.class"),
            ("JDK11x64", "JRE17x86"),
            ("pkgA1b2c3", "pkgZ9y8x7"),
            ("photo-20240131123045.jpg", "photo-20230228101112.jpg"),
            ("acct-4111111111111111", "acct-5500000000000004"),
            ("user-31415926", "user-27182818"),
            ("sha-1a2b3c4d5e6f.tgz", "sha-f6e5d4c3b2a1.tgz"),
        ] {
            assert!(!found(a, b, exclusive), "{a} {b}");
        }
        let hashes =
            ["ddd6c3a88544922f30e341e3e66e29edf5775f", "7a2250fd4aa02a6eb3f729732f8f3208135008"];
        assert!(found(hashes[0], hashes[1], exclusive));
        // rustc's hashes of a crate, with pairs of letters as words have.
        let crates = ["s-3rigysu0yzntememmmth6k1tr", "s-9zq7eyjenkod9cognvhqrzyu7"];
        assert!(found(crates[0], crates[1], exclusive));
        assert!(!found("InternationalizationTest1", "IntercontinentalResources", exclusive));
        let ids = ["bb53563b-f1b6-4379-bba5-299772f3b370", "243f1f4e-8199-4e99-a228-cbf57f0a2506"];
        assert!(found(ids[0], ids[1], exclusive));
    }
}

/// What is made for its owner alone and stays may be a key with a chosen name.
#[test]
fn capitalized_words_in_both_names_are_chosen() {
    let how = How { exclusive: true, passing: false, private: true };
    let found = |a, b| form::generated_parts(&[vec![a], vec![b]], how).is_some();
    assert!(!found("MyClass1.class", "BadGuy77.class"));
    assert!(!found("getFile2Net", "putData4Web"));
    assert!(found("tmp.AlRaZFWGje", "tmp.rhXlfGTh5n"));
}

/// The number beside a random word is chosen, unless it is a time or the id of a process, which are
/// replaced before.
#[test]
fn a_number_beside_a_random_word_is_chosen() {
    let how = How { exclusive: true, passing: true, private: true };
    let found = |a, b| form::generated_parts(&[vec![a], vec![b]], how).is_some();
    assert!(!found("backup-20240131-AbC123", "backup-20250228-XyZ987"));
    assert!(found("backup-20240131-AbC123", "backup-20240131-XyZ987"));
}
