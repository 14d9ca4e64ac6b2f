//! Editors, or the steps that they take to save.

use super::{Pattern, node, python, save};

/// Returns a save by Vim with these settings.
fn vim(name: &'static str, settings: &str) -> Pattern {
    let line =
        format!("vim -Nu NONE -i NONE -es -c 'set {settings}' -c '%s/one/two/' -c 'wq' index.html");
    save(name, &["vim"], line)
}

/// Returns a save by Emacs with these settings.
fn emacs(name: &'static str, settings: &str) -> Pattern {
    let line = format!(
        "emacs -Q --batch index.html --eval '(progn {settings} (while (search-forward \"one\" nil t) \
         (replace-match \"two\")) (save-buffer))' 2>/dev/null"
    );
    save(name, &["emacs"], line)
}

/// Returns a save by nano in a terminal.
fn nano(name: &'static str, options: &str) -> Pattern {
    let keys = r"{ sleep 0.4; printf '<p>two</p>\017\r'; sleep 0.4; printf '\030'; }";
    let line = format!(
        "{keys} | TERM=xterm script -qec 'nano -I {options} index.html' /dev/null >/dev/null"
    );
    save(name, &["nano", "script"], line)
}

pub(super) fn all() -> Vec<Pattern> {
    vec![
        vim("vim", "nocompatible").tested(),
        vim("vim, backupcopy=yes", "backupcopy=yes").tested(),
        vim("vim, backupcopy=no", "backupcopy=no"),
        vim("vim, backupcopy=auto", "backupcopy=auto"),
        vim("vim, backup, backupcopy=yes", "backup backupcopy=yes"),
        vim("vim, backup, backupcopy=no", "backup backupcopy=no"),
        vim("vim, backup, backupcopy=breakhardlink", "backup backupcopy=auto,breakhardlink"),
        vim("vim, nobackup, nowritebackup", "nobackup nowritebackup"),
        vim("vim, noswapfile", "noswapfile"),
        vim("vim, undofile", "undofile"),
        vim("vim, patchmode", "patchmode=.orig"),
        save(
            "vim, written twice",
            &["vim"],
            "vim -Nu NONE -i NONE -es -c '%s/one/half/' -c w -c '%s/half/two/' -c wq index.html",
        )
        .few(2),
        save("ex", &["ex"], r"printf '%s\n' '%s/one/two/' x | ex -s index.html"),
        save("ed", &["ed"], r"printf '%s\n' ',s/one/two/' w q | ed -s index.html"),
        nano("nano", ""),
        nano("nano, backup", "-B"),
        emacs("emacs", "").tested(),
        emacs("emacs, backup-by-copying", "(setq backup-by-copying t)"),
        emacs("emacs, no backup", "(setq make-backup-files nil)"),
        emacs("emacs, file-precious-flag", "(setq file-precious-flag t)"),
        save("GNOME's editors (GIO)", &["gio"], "gio save index.html <\"$NEW\""),
        save(
            "GNOME's editors, by hand",
            &[],
            "cp \"$NEW\" .goutputstream-AB12CD && ln -f index.html index.html~ && \
             mv .goutputstream-AB12CD index.html",
        ),
        save(
            "KDE's editors, by hand",
            &[],
            "cp \"$NEW\" index.html.XyZ123 && mv index.html.XyZ123 index.html",
        ),
        save(
            "JetBrains, safe write",
            &[],
            "cp \"$NEW\" index.html___jb_tmp___ && mv index.html index.html___jb_old___ && \
             mv index.html___jb_tmp___ index.html && rm index.html___jb_old___",
        )
        .tested(),
        node(
            "VS Code",
            "const fd = fs.openSync('index.html', 'r+'); fs.ftruncateSync(fd, 0); \
             fs.writeSync(fd, text); fs.fdatasyncSync(fd); fs.closeSync(fd)",
        )
        .tested(),
        node(
            "VS Code, atomic",
            "fs.writeFileSync('index.html.vsctmp', text); \
             fs.renameSync('index.html.vsctmp', 'index.html')",
        ),
        save(
            "Sublime Text, atomic",
            &[],
            "cp \"$NEW\" .subl1a2.tmp && chmod 644 .subl1a2.tmp && mv .subl1a2.tmp index.html",
        ),
        python(
            "Notepad++, Kate on a share: in place",
            "\
             f = os.open('index.html', os.O_WRONLY | os.O_TRUNC); os.write(f, new.encode()); \
             os.fsync(f); os.close(f)",
        ),
        save(
            "Helix, Zed: a backup beside it, then in place",
            &[],
            "cp index.html index.html.bck && cat \"$NEW\" >index.html && rm index.html.bck",
        ),
        save("sam, acme: remove and create", &[], "rm index.html; cp \"$NEW\" index.html"),
    ]
}
