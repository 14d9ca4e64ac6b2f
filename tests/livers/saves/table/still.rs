//! Events that look like a save and change nothing that the page uses.

use super::{Pattern, python, still};

pub(super) fn all() -> Vec<Pattern> {
    vec![
        still("touch", &[], "touch index.html app.css"),
        still("touch -d", &[], "touch -d 2001-01-01 index.html"),
        still("chmod", &[], "chmod 600 index.html; chmod 644 index.html").tested(),
        still("chown", &[], "chown \"$(id -u)\" index.html"),
        still("setfattr", &["setfattr"], "setfattr -n user.note -v something index.html"),
        still("the same bytes, in place", &[], "cp index.html \"$OUT/same\"; cat \"$OUT/same\" >index.html"),
        still("the same bytes, by rename", &[], "cp index.html .same; mv .same index.html").tested(),
        still("the same bytes, deleted and written", &[], "cp index.html \"$OUT/same\"; rm index.html; cp \"$OUT/same\" index.html"),
        still("the same bytes, 100 ms after a truncation", &[], "cp index.html \"$OUT/same\"; { sleep 0.1; cat \"$OUT/same\"; } >index.html"),
        still("the same bytes, rsync -aI", &["rsync"], "cp -r . \"$OUT/same\"; rsync -aI \"$OUT/same/\" ./"),
        still("opened for append, closed", &[], ": >>index.html"),
        Pattern { wanted: super::Wanted::Nothing, ..python("opened for writing, closed", "open('index.html', 'r+').close()") },
        still("moved away and back", &[], "mv index.html away; mv away index.html").tested(),
        still("moved away, and back 20 ms later", &[], "mv index.html away; sleep 0.02; mv away index.html"),
        still("its folder moved away and back", &[], "cd ..; mv page away; mv away page"),
        still("read by cat, grep -r, ls", &[], "cat index.html >/dev/null; grep -rq one .; ls -l >/dev/null"),
        still("vim, :q", &["vim"], "vim -Nu NONE -i NONE -es -c 'q' index.html"),
        still("vim, :wq of what it read", &["vim"], "vim -Nu NONE -i NONE -es -c 'wq' index.html").tested(),
        still("vim, another file", &["vim"], "vim -Nu NONE -i NONE -es -c 'normal ihello' -c 'wq' another.html"),
        still("vim's files", &[], "echo x >4913; rm 4913; echo x >.index.html.swp; echo x >index.html~; rm .index.html.swp").tested(),
        still("emacs' files", &[], "ln -s me@here.1 .#index.html; echo x >'#index.html#'; rm .#index.html '#index.html#'"),
        still("created and deleted", &[], "echo x >new.html; rm new.html").tested(),
        still("a file that was not requested", &[], "echo x >another.html"),
        still("a folder, made and removed", &[], "mkdir -p new/deep; echo x >new/deep/a.css; rm -r new"),
        still("a hard link, made and removed", &[], "ln index.html second.html; rm second.html"),
        still("cp of the page", &[], "cp index.html copy.html"),
        still("git add, commit, status", &["git"], "cd .. && git init -q . && git add . && git commit -qm one && git status >/dev/null"),
        still("git checkout there and back", &["git"], "git checkout -q two && git checkout -q one")
            .setup("cd .. && git init -q -b one . && git add . && git commit -qm one && git checkout -qb two && \
                 echo x >other.txt && git add . && git commit -qm two && git checkout -q one"),
        still("prettier without a finding: read, write", &["node"], "node -e \"const fs = require('fs'); \
             fs.writeFileSync('index.html', fs.readFileSync('index.html'))\""),
    ]
}
