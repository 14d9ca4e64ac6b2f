//! Saves by editors and tools that run here: each one causes exactly one navigation.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{expect_navigations, open_pages, page, site, wait_for_tabs};
use crate::support::{dir::TempDir, server::Livers, skip::skip};

/// Runs a shell command in a folder.
fn run(folder: &Path, home: &Path, line: &str) {
    let output = Command::new("sh")
        .args(["-euc", line])
        .current_dir(folder)
        .env("HOME", home)
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .output()
        .expect("run sh");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {} {errors}", output.status);
}

fn is_installed(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output();
    found.is_ok_and(|found| found.status.success())
}

#[tokio::test]
async fn a_save_by_an_editor_causes_one_navigation() {
    let vim = |set: &str| {
        format!("vim -Nu NONE -i NONE -n -es -c 'set {set}' -c '%s/WORD/NEXT/' -c 'wq' index.html")
    };
    let swapping = "vim -Nu NONE -i NONE -es -c '%s/WORD/NEXT/' -c 'wq' index.html";
    let table: Vec<(&str, &str, String)> = vec![
        ("vim", "vim", vim("nocompatible")),
        ("vim, with a swap file", "vim", swapping.into()),
        ("vim, backupcopy=no", "vim", vim("backup backupcopy=no")),
        ("vim, backupcopy=yes", "vim", vim("backup backupcopy=yes")),
        ("vim, nowritebackup", "vim", vim("nowritebackup")),
        (
            "emacs",
            "emacs",
            "emacs -Q --batch index.html --eval '(progn (replace-string \"WORD\" \"NEXT\") \
             (save-buffer))' 2>/dev/null"
                .into(),
        ),
        ("ed", "ed", "printf '%s\\n' ',s/WORD/NEXT/' w q | ed -s index.html".into()),
        ("sed -i", "sed", "sed -i s/WORD/NEXT/ index.html".into()),
        ("perl -pi", "perl", "perl -pi -e s/WORD/NEXT/ index.html".into()),
        (
            "an atomic rename",
            "sed",
            "sed s/WORD/NEXT/ index.html >index.html.tmp && mv index.html.tmp index.html".into(),
        ),
        ("tee", "tee", "sed s/WORD/NEXT/ index.html >../new && tee index.html <../new".into()),
        (
            "rsync",
            "rsync",
            "sed s/WORD/NEXT/ index.html >../new && rsync -I ../new index.html".into(),
        ),
    ];
    let outer = TempDir::new();
    std::fs::rename(site().path(), outer.at("site")).expect("a folder within a folder");
    let livers = Livers::on(outer.at("site")).args(["--html", "reload"]).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let shown = &pages[0];
    let mut word = "one".to_owned();
    let mut navigations = 1;
    for (n, (name, program, line)) in table.iter().enumerate() {
        if !is_installed(program) {
            skip(&format!("live::editors: {name}"), program);
            continue;
        }
        println!("{name}");
        let next = format!("word{n}");
        let line = line.replace("WORD", &word).replace("NEXT", &next);
        run(&outer.at("site"), outer.path(), &line);
        shown.wait_for_navigation().await;
        navigations += 1;
        shown.wait_until(&format!("document.querySelector('p').textContent === '{next}'")).await;
        wait_for_tabs(&livers, 1).await;
        let file = std::fs::read_to_string(outer.at("site/index.html")).expect("the page");
        assert_eq!(file, page("index").replace("one", &next), "{name}");
        expect_navigations(shown, &outer, "site/css/index.css", navigations).await;
        word = next;
    }
}
