//! Links, and folders that are moved or replaced.

use super::{Pattern, python, save};

const OTHER: &str = "cp -r page other && sed -i s/one/two/ other/index.html";

pub(super) fn all() -> Vec<Pattern> {
    vec![
        save("ln -f", &[], "cp \"$NEW\" .new; ln -f .new index.html; rm .new"),
        save("ln -f from outside", &[], "ln -f \"$NEW\" index.html"),
        save("a hard link's other name, in the site", &[], "cat \"$NEW\" >other.html")
            .setup("ln index.html other.html"),
        save("a hard link's other name, outside", &[], "cat \"$NEW\" >\"$OUT/other.html\"")
            .setup("ln index.html \"$OUT/other.html\""),
        save("ln -sfn of a file", &[], "ln -sfn ../v/two.html index.html")
            .setup("mkdir ../v; cp \"$NEW\" ../v/two.html; mv index.html ../v/one.html; ln -s ../v/one.html index.html")
            .tested(),
        save("rm, ln -s", &[], "rm index.html; ln -s ../v/two.html index.html")
            .setup("mkdir ../v; cp \"$NEW\" ../v/two.html; mv index.html ../v/one.html; ln -s ../v/one.html index.html"),
        save("a link's target, in place", &[], "cat \"$NEW\" >../v/one.html")
            .setup("mkdir ../v; mv index.html ../v/one.html; ln -s ../v/one.html index.html")
            .tested(),
        save("a link's target, by rename", &[], "mv \"$NEW\" ../v/one.html")
            .setup("mkdir ../v; mv index.html ../v/one.html; ln -s ../v/one.html index.html"),
        save("a file becomes a link", &[], "mkdir ../v; mv \"$NEW\" ../v/two.html; ln -sf ../v/two.html index.html"),
        save("ln -sfn of the folder", &[], "cd .. && ln -sfn other page")
            .setup("cd .. && cp -r page v && cp -r page other && sed -i s/one/two/ other/index.html && \
                 rm -r page && ln -s v page")
            .tested(),
        save("mv -T of a link onto the folder's", &[], "cd .. && ln -s other .next && mv -T .next page")
            .setup("cd .. && cp -r page v && cp -r page other && sed -i s/one/two/ other/index.html && \
                 rm -r page && ln -s v page"),
        python("renameat2(RENAME_EXCHANGE)", "
open('other.html', 'w').write(new)
if ctypes.CDLL(None).renameat2(-100, b'other.html', -100, b'index.html', 2): sys.exit(1)"),
        save("the folder swapped by rename", &[], format!("cd .. && {OTHER} && mv page old && mv other page")).tested(),
        save("the folder swapped from outside", &[], format!(
            "cd .. && {OTHER} && mv other \"$OUT\" && mv page \"$OUT/old\" && mv \"$OUT/other\" page")),
        save("the folder removed and copied", &[], "cd .. && rm -r page && cp -r \"$OUT/copy\" page")
            .setup("cp -r . \"$OUT/copy\"; cp \"$NEW\" \"$OUT/copy/index.html\""),
        save("the folder removed, copied 150 ms later", &[], "cd .. && rm -r page && sleep 0.15 && cp -r \"$OUT/copy\" page")
            .setup("cp -r . \"$OUT/copy\"; cp \"$NEW\" \"$OUT/copy/index.html\"")
            .few(2),
        python("the folder exchanged", "
os.chdir('..'); os.system('cp -r page other'); open('other/index.html', 'w').write(new)
if ctypes.CDLL(None).renameat2(-100, b'other', -100, b'page', 2): sys.exit(1)"),
        save("the root swapped by rename", &[], "cd \"$OUT\" && mv site old && mv next site")
            .setup("cp -r .. \"$OUT/next\"; cp \"$NEW\" \"$OUT/next/page/index.html\"")
            .tested(),
        save("the root swapped, 150 ms between", &[], "cd \"$OUT\" && mv site old && sleep 0.15 && mv next site")
            .setup("cp -r .. \"$OUT/next\"; cp \"$NEW\" \"$OUT/next/page/index.html\"")
            .few(2),
        save("the root removed and copied", &[], "cd \"$OUT\" && rm -r site && cp -r next site")
            .setup("cp -r .. \"$OUT/next\"; cp \"$NEW\" \"$OUT/next/page/index.html\""),
        save("the root a link: its target in place", &[], "cat \"$NEW\" >index.html")
            .setup("cd \"$OUT\" && mv site v1 && ln -s v1 site"),
        save("the root a link: ln -sfn", &[], "cd \"$OUT\" && ln -sfn v2 site")
            .setup("cd \"$OUT\" && mv site v1 && cp -r v1 v2 && cp \"$NEW\" v2/page/index.html && ln -s v1 site"),
        save("the root a link: mv -T of another", &[], "cd \"$OUT\" && ln -s v2 next && mv -T next site")
            .setup("cd \"$OUT\" && mv site v1 && cp -r v1 v2 && cp \"$NEW\" v2/page/index.html && ln -s v1 site"),
    ]
}
