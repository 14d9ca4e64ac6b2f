//! Many files, large files, and slow writers.

use super::{Pattern, Site, python, save};

/// Writes all files of the page, one after the other.
const ROW: &str = "for file in f/*; do echo two >$file; done";

pub(super) fn all() -> Vec<Pattern> {
    vec![
        save("2 files in a row", &[], ROW).on(Site::Files(2)).burst(),
        save("10 files in a row", &[], ROW).on(Site::Files(10)).burst().tested(),
        save("100 files in a row", &[], ROW).on(Site::Files(100)).burst(),
        save("500 files in a row", &[], ROW).on(Site::Files(500)).burst(),
        save("100 files by sed -i", &[], "sed -i s/one/two/ f/*").on(Site::Files(100)).burst(),
        python("100 files by rename", "
for name in os.listdir('f'):
    open('f/.' + name, 'w').write('two'); os.rename('f/.' + name, 'f/' + name)")
            .on(Site::Files(100))
            .burst(),
        save("100 files by tar x", &["tar"], "tar x <\"$OUT/all.tar\"")
            .on(Site::Files(100))
            .setup("cp -r f \"$OUT/f\"; sed -i s/one/two/ \"$OUT\"/f/*; tar -C \"$OUT\" -cf \"$OUT/all.tar\" f")
            .burst(),
        save("100 files by git checkout", &["git"], "git checkout -q two")
            .on(Site::Files(100))
            .setup("cd .. && git init -q -b one . && git add . && git commit -qm one && \
                 git checkout -qb two && sed -i s/one/two/ page/f/* && git commit -qam two && git checkout -q one")
            .burst(),
        save("100 files by rsync --delay-updates", &["rsync"], "rsync -aI --delay-updates \"$OUT/f/\" f/")
            .on(Site::Files(100))
            .setup("cp -r f \"$OUT/f\"; sed -i s/one/two/ \"$OUT\"/f/*")
            .burst(),
        python("a generator: 100 files, 10 ms each", "
for name in sorted(os.listdir('f')): open('f/' + name, 'w').write('two'); time.sleep(0.01)")
            .on(Site::Files(100))
            .few(3),
        save("a generator: rm -r, then 100 files", &[], "rm -r f; mkdir f; for n in $(seq 0 99); do echo two >f/$n.txt; done")
            .on(Site::Files(100))
            .burst(),
        save("a generator: rm -r, half a second, then 20 files and the page", &[], "\
             rm -r f index.html app.css; sleep 0.5; mkdir f; for n in $(seq 0 19); do echo two >f/$n.txt; sleep 0.06; done; \
             cat \"$NEWCSS\" >app.css; sed s/one/two/ \"$NEW\" >index.html")
            .on(Site::Files(20))
            .tested(),
        save("a generator: 300 files over 1.5 s, the page last", &[], "\
             for n in $(seq 0 299); do echo two >f/$n.txt; sleep 0.005; done; cat \"$NEW\" >index.html")
            .on(Site::Files(300))
            .burst(),
        save("the same file 20 times in a row", &[], "for n in $(seq 19); do echo $n >index.html; done; cat \"$NEW\" >index.html")
            .burst(),
        save("20 MB, cp", &[], "cp \"$NEW\" index.html").on(Site::Large),
        save("20 MB, mv", &[], "mv \"$NEW\" index.html").on(Site::Large),
        save("20 MB, cat", &[], "cat \"$NEW\" >index.html").on(Site::Large),
        python("10 writes, 20 ms apart", "
f = open('index.html', 'w'); part = len(new) // 10 + 1
for n in range(10): f.write(new[n * part:(n + 1) * part]); f.flush(); time.sleep(0.02)")
            .tested(),
        python("10 writes over the old, 20 ms apart", "
f = open('index.html', 'r+'); part = len(new) // 10 + 1
for n in range(10): f.write(new[n * part:(n + 1) * part]); f.flush(); time.sleep(0.02)"),
        python("20 writes, 100 ms apart", "
f = open('index.html', 'w'); part = len(new) // 20 + 1
for n in range(20): f.write(new[n * part:(n + 1) * part]); f.flush(); time.sleep(0.1)")
            .few(3),
        python("half, 300 ms, half", "
f = open('index.html', 'w'); f.write(new[:5000]); f.flush(); time.sleep(0.3); f.write(new[5000:])"),
        python("half, 2 s, half", "
f = open('index.html', 'w'); f.write(new[:5000]); f.flush(); time.sleep(2); f.write(new[5000:])")
            .few(2),
    ]
}
