//! Programs that copy, unpack or check out files and folders.

use super::{Pattern, save};

const REPOSITORY: &str = "cd .. && git init -q -b one . && git add . && git commit -qm one && \
    git checkout -qb two && sed -i s/one/two/ page/index.html && git commit -qam two && \
    git checkout -q one";

/// Returns a git command in a repository with the branches `one` and `two`.
fn git(name: &'static str, line: &str) -> Pattern {
    save(name, &["git"], line).setup(REPOSITORY)
}

/// Something with the new page under its name in another folder, `$OUT/from`.
fn from(name: &'static str, needs: &[&'static str], line: &str) -> Pattern {
    let put = "mkdir -p \"$OUT/from\" && cp \"$NEW\" \"$OUT/from/index.html\" && \
         cp app.css \"$OUT/from\"";
    save(name, needs, line).setup(put)
}

pub(super) fn all() -> Vec<Pattern> {
    vec![
        save("cp", &[], "cp \"$NEW\" index.html"),
        save("cp -f", &[], "cp -f \"$NEW\" index.html"),
        save("cp --remove-destination", &[], "cp --remove-destination \"$NEW\" index.html"),
        save("cp -p of an older file", &[], "touch -d 2001-01-01 \"$NEW\"; cp -p \"$NEW\" index.html").tested(),
        save("cp -b", &[], "cp -b \"$NEW\" index.html"),
        save("install", &[], "install -m 644 \"$NEW\" index.html"),
        save("install -C -b", &[], "install -C -b -m 644 \"$NEW\" index.html"),
        save("mv", &[], "mv \"$NEW\" index.html").tested(),
        save("mv of an older file", &[], "touch -d 2001-01-01 \"$NEW\"; mv \"$NEW\" index.html"),
        save("mv within the folder", &[], "cp \"$NEW\" new.html; sleep 0.2; mv new.html index.html"),
        save("mv from another file system", &[], "cp \"$NEW\" \"$FAR/new\"; mv \"$FAR/new\" index.html").tested(),
        from("tar x", &["tar"], "tar -C \"$OUT/from\" -c index.html | tar x"),
        from("tar x --overwrite", &["tar"], "tar -C \"$OUT/from\" -c index.html | tar x --overwrite"),
        from("tar x --unlink-first", &["tar"], "tar -C \"$OUT/from\" -c index.html | tar x --unlink-first"),
        from("unzip -o", &["zip", "unzip"], "(cd \"$OUT/from\" && zip -q ../a.zip index.html) && unzip -qo \"$OUT/a.zip\""),
        from("cpio -iu", &["cpio"], "(cd \"$OUT/from\" && echo index.html | cpio -o --quiet) | cpio -iu --quiet"),
        from("rsync", &["rsync"], "rsync -I \"$OUT/from/index.html\" index.html"),
        from("rsync -a", &["rsync"], "rsync -aI \"$OUT/from/\" ./"),
        from("rsync -a --inplace", &["rsync"], "rsync -aI --inplace \"$OUT/from/\" ./"),
        from("rsync -a --delay-updates", &["rsync"], "rsync -aI --delay-updates \"$OUT/from/\" ./"),
        from("rsync -a --delete --backup", &["rsync"], "rsync -aI --delete --backup \"$OUT/from/\" ./"),
        save("patch", &["patch", "diff"], "diff -u index.html \"$NEW\" | patch -s index.html"),
        save("patch -b", &["patch", "diff"], "diff -u index.html \"$NEW\" | patch -sb index.html"),
        git("git checkout BRANCH", "git checkout -q two").tested(),
        git("git checkout BRANCH -- FILE", "git checkout -q two -- index.html"),
        git("git restore", "git restore -s two index.html"),
        git("git reset --hard", "git reset -q --hard two"),
        git("git merge, fast-forward", "git merge -q two"),
        git("git merge --no-ff", "git merge -q --no-ff -m merged two"),
        git("git rebase", "git commit -q --allow-empty -m more && git rebase -q two"),
        git("git cherry-pick", "git cherry-pick two >/dev/null"),
        git("git revert", "git checkout -q two && git revert --no-edit HEAD >/dev/null").few(2),
        git("git apply", "git diff one two | (cd .. && git apply)"),
        git("git stash", "git stash -q")
            .setup("cd .. && git init -q . && git add . && git commit -qm one && sed -i s/one/half/ page/index.html"),
        git("git stash pop", "git stash pop -q")
            .setup("cd .. && git init -q . && git add . && git commit -qm one && \
                 sed -i s/one/two/ page/index.html && git stash -q"),
        save("rm", &[], "rm index.html").at("/page/index.html"),
        save("rm -r of its folder", &[], "cd .. && rm -r page").at("/page/index.html"),
        save("a page that was missing", &[], "cat \"$NEW\" >late.html").at("/page/late.html").tested(),
        save("a page that was missing, with its folder", &[], "mkdir -p new/sub && cat \"$NEW\" >new/sub/late.html")
            .at("/page/new/sub/late.html"),
        save("a listing: a new file", &[], "echo two >list/new.txt").at("/page/list/").setup("mkdir list"),
        save("a listing: vim", &["vim"], "cd list && vim -Nu NONE -i NONE -es -c '%s/one/two/' -c wq a.txt")
            .at("/page/list/")
            .setup("mkdir list; echo one >list/a.txt"),
    ]
}
