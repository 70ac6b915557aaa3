use super::*;

fn learned(runs: &[&[&str]]) -> Learned {
    let runs: Vec<BTreeSet<Effect>> =
        runs.iter().map(|run| run.iter().map(|line| line.parse().unwrap()).collect()).collect();
    learn(&runs, &|resource| resource.to_string().contains("secret"))
}

fn lines_of<T: ToString>(of: impl IntoIterator<Item = (T, Evidence)>) -> Vec<String> {
    of.into_iter().map(|(what, evidence)| format!("{evidence} {}", what.to_string())).collect()
}

#[test]
fn constant_effects_are_kept_verbatim() {
    let learned = learned(&[&["a read x1 ok", "a read x2 ok"], &["a read x1 ok", "a read x2 ok"]]);
    assert_eq!(learned.always.len(), 2);
    assert!(
        learned.templates.is_empty() && learned.sometimes.is_empty() && learned.firm.is_empty()
    );
}

#[test]
fn generated_names_become_templates() {
    for (runs, template) in [
        (
            &["a write $TMP/sortAb3dEf ok", "a write $TMP/sortXy7zQq ok"][..],
            "2/2 a write $TMP/sort<alnum:6> ok",
        ),
        // Equal by chance: the first and the last letter.
        (
            &[
                "a write $TMP/cc1b3dEf.s ok",
                "a write $TMP/cc1y7zQf.s ok",
                "a write $TMP/cc1aYk0f.s ok",
            ],
            "3/3 a write $TMP/cc<alnum:6>.s ok",
        ),
        // One or two equal letters of two words prove nothing.
        (
            &["a write tmp.Tb3dEfghij ok", "a write tmp.Ty7zQqrstj ok"],
            "2/2 a write tmp.<alnum:10> ok",
        ),
        (
            &["a write $TMP/ccAb3dEf.s ok", "a write $TMP/ccXy7zQq.s ok"],
            "2/2 a write $TMP/<alnum:8>.s ok",
        ),
        (
            &["a write n-12 ok", "a write n-13 ok", "a write n-140 ok"],
            "3/3 a write n-<digit:2-3> ok",
        ),
        (&["a write job17 ok", "a write job19 ok"], "2/2 a write job<digit:2> ok"),
        (&["a write s-hoj9nusnr3 ok", "a write s-hoj9nun1ho ok"], "2/2 a write s-<lower:10> ok"),
        (
            &["a rename d/x12ab -> d/y ok", "a rename d/x9f3c -> d/y ok"],
            "2/2 a rename d/<lower:5> -> d/y ok",
        ),
        (
            &["a mkdir s-h1q2w3e4-00ff11ee-working ok", "a mkdir s-h9q8w7e6-a0b1c2d3-working ok"],
            "2/2 a mkdir s-<lower:8>-<hex:8>-working ok",
        ),
    ] {
        let runs: Vec<Vec<&str>> = runs.iter().map(|line| vec![*line, "a exit - 0"]).collect();
        let learned = learned(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(lines_of(learned.templates), [template]);
        assert!(learned.sometimes.is_empty());
    }
}

proptest::proptest! {
    /// Everything a run did matches what was learned from it, and the text of the baseline
    /// parses to the same baseline.
    #[test]
    fn every_effect_is_learned(
        runs in proptest::collection::vec(
            proptest::collection::btree_set(
                "(a|bc) (read|write|unlink|exec|exit) (x|\\$TMP/[a-z0-9_]{3,9}\
                    |d/[A-Za-z0-9]{6}\\.s|y -> z[0-9]{1,3}) (ok|ENOENT)",
                0..12,
            ),
            1..7,
        )
    ) {
        let runs: Vec<BTreeSet<Effect>> = runs.iter()
            .map(|run| run.iter().map(|line| line.parse().unwrap()).collect()).collect();
        let learned = learn(&runs, &|_| false);
        for effect in runs.iter().flatten() {
            let known = learned.always.contains(effect)
                || learned.firm.contains_key(effect)
                || learned.sometimes.contains_key(effect)
                || learned.templates.keys().any(|template| template.matches(effect));
            proptest::prop_assert!(known, "{effect} is forgotten: {learned:?}");
            proptest::prop_assert!(may_vary(effect.op) || !learned.sometimes.contains_key(effect));
        }
        let mut templates = learned.templates.keys();
        proptest::prop_assert!(templates.all(|template| may_vary(template.effect().op)));
        let variant = crate::diff::baseline::Variant { learned, ..Default::default() };
        let baseline = crate::diff::baseline::Baseline { command: vec!["x".into()],
            variants: vec![variant] };
        let text = baseline.to_string();
        let again = crate::diff::baseline::Baseline::parse(std::path::Path::new("x"), &text);
        proptest::prop_assert_eq!(again.unwrap(), baseline, "{}", text);
    }

    #[test]
    fn parsing_never_panics(text in "(sysreel-baseline 1\n)?(variant machine=a \
        kernel=b libc=c image=d runs=2\n)?([=!?~] ([0-9]/[0-9] )?[ -~é]{0,30}\n){0,4}") {
        _ = crate::diff::baseline::Baseline::parse(std::path::Path::new("x"), &text);
    }
}

/// Directories made by one run, read by the next and removed by the third, with ordinary words
/// around them and other files that vary.
#[test]
fn names_that_outlive_their_run_become_templates() {
    let names =
        ["a1b2c3d4", "x9y8z7w6", "q1w2e3r4", "k4j3h2g1", "m5n6b7v8", "p0o9i8u7", "t6r5e4w3"];
    let lines = |at: usize| {
        let [old, middle, new] = [names[at], names[at + 1], names[at + 2]];
        [
            format!("rustc rmdir $WS/inc/s-{old} ok"),
            format!("rustc read $WS/inc/s-{middle}/dep.bin ok"),
            format!("rustc mkdir $WS/inc/s-{new} ok"),
            format!("rustc read $WS/src/{} ok", ["parser", "lexer"][at % 2]),
        ]
    };
    let runs: Vec<_> = (0..5).map(lines).collect();
    let runs: Vec<Vec<&str>> =
        runs.iter().map(|run| run.iter().map(String::as_str).collect()).collect();
    let learned = learned(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let templates = lines_of(learned.templates);
    assert_eq!(
        templates,
        [
            "5/5 rustc read $WS/inc/s-<lower:8>/dep.bin ok",
            "5/5 rustc mkdir $WS/inc/s-<lower:8> ok",
            "5/5 rustc rmdir $WS/inc/s-<lower:8> ok"
        ]
    );
    assert_eq!(
        lines_of(learned.sometimes),
        ["2/5 rustc read $WS/src/lexer ok", "3/5 rustc read $WS/src/parser ok"]
    );
}

#[test]
fn effects_of_one_run_are_no_template() {
    let learned = learned(&[
        &["a write $WS/cache/foo.o ok", "a read x ok"],
        &["a read x ok"],
        &["a read x ok", "b stat y ok"],
    ]);
    assert!(learned.templates.is_empty());
    assert_eq!(lines_of(learned.sometimes), ["1/3 a write $WS/cache/foo.o ok", "1/3 b stat y ok"]);
}

#[test]
fn some_operations_are_never_learned() {
    let learned = learned(&[
        &[
            "a exit - 0",
            "a exec $TMP/xAAAAAA ok",
            "a connect tcp 1.2.3.4:5 ok",
            "a read secret1 ok",
        ],
        &[
            "a exit - 1",
            "a exec $TMP/xBBBBBB ok",
            "a connect tcp 1.2.3.4:6 ok",
            "a read secret2 ok",
        ],
    ]);
    assert!(
        learned.always.is_empty() && learned.templates.is_empty() && learned.sometimes.is_empty()
    );
    assert_eq!(learned.firm.len(), 8);
}
