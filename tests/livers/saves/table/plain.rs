//! Shells, filters and scripts that write the file.

use super::{Pattern, node, python, save};

pub(super) fn all() -> Vec<Pattern> {
    vec![
        save("sed -i", &[], "sed -i s/one/two/ index.html").tested(),
        save("sed -i.bak", &[], "sed -i.bak s/one/two/ index.html"),
        save("perl -pi", &["perl"], "perl -pi -e s/one/two/ index.html"),
        save("perl -pi.bak", &["perl"], "perl -pi.bak -e s/one/two/ index.html"),
        save("gawk -i inplace", &["gawk"], "gawk -i inplace '{ sub(/one/, \"two\") } 1' index.html"),
        save("sponge", &["sponge"], "sed s/one/two/ index.html | sponge index.html"),
        save("shell, >", &[], "cat \"$NEW\" >index.html").tested(),
        save("shell, >>", &[], "echo '<p>two</p>' >>index.html").tested(),
        save("shell, > and a slow command", &[], "{ sleep 0.15; cat \"$NEW\"; } >index.html"),
        save("tee", &[], "tee index.html <\"$NEW\" >/dev/null"),
        save("tee -a", &[], "echo '<p>two</p>' | tee -a index.html >/dev/null"),
        save("dd", &[], "dd if=\"$NEW\" of=index.html status=none"),
        save("dd conv=notrunc", &[], "dd if=\"$NEW\" of=index.html conv=notrunc status=none"),
        save("dd bs=100 conv=fsync", &[], "dd if=\"$NEW\" of=index.html bs=100 conv=fsync status=none"),
        save("truncate, shorter", &[], "truncate -s -15 index.html"),
        save(
            "truncate(2), which closes nothing",
            &["perl"],
            "perl -e 'truncate \"index.html\", (-s \"index.html\") - 15'",
        )
        .tested(),
        save("fallocate, longer", &["fallocate"], "fallocate -l 20000 index.html"),
        save("fallocate, a hole", &["fallocate"], "fallocate -p -o 4096 -l 4096 index.html"),
        save("truncate, then write at once", &[], ": >index.html; cat \"$NEW\" >index.html"),
        save("truncate, then write 10 ms later", &[], ": >index.html; sleep 0.01; cat \"$NEW\" >index.html"),
        save("truncate, then write 100 ms later", &[], ": >index.html; sleep 0.1; cat \"$NEW\" >index.html"),
        save("delete, then write 10 ms later", &[], "rm index.html; sleep 0.01; cat \"$NEW\" >index.html")
            .tested(),
        save("delete, then write 40 ms later", &[], "rm index.html; sleep 0.04; cat \"$NEW\" >index.html"),
        save("delete, then write 150 ms later", &[], "rm index.html; sleep 0.15; cat \"$NEW\" >index.html"),
        save("rename away, then write 40 ms later", &[], "mv index.html .old; sleep 0.04; cat \"$NEW\" >index.html"),
        python("Python, open(w)", "open('index.html', 'w').write(new)"),
        python("Python, r+ and truncate", "f = open('index.html', 'r+'); f.write(new); f.truncate(); f.close()"),
        python("Python, flushed line by line", "
f = open('index.html', 'w')
for line in new.splitlines(True): f.write(line); f.flush()"),
        python("Python, os.replace", "open('.index.tmp', 'w').write(new); os.replace('.index.tmp', 'index.html')"),
        python("Python, mmap", "
f = open('index.html', 'r+b'); m = mmap.mmap(f.fileno(), 0); m[:] = new.encode(); m.close(); f.close()"),
        python("Python, O_TMPFILE and linkat", "
f = os.open('.', os.O_TMPFILE | os.O_WRONLY, 0o644); os.write(f, new.encode())
if ctypes.CDLL(None).linkat(-100, b'/proc/self/fd/%d' % f, -100, b'linked', 0x400): sys.exit(1)
os.close(f); os.rename('linked', 'index.html')"),
        python("written whole and kept open", "
if os.fork():
    os.wait()
else:
    f = open('index.html', 'w'); f.write(new); f.flush()
    if os.fork() == 0:
        null = os.open('/dev/null', os.O_RDWR)
        for n in range(3): os.dup2(null, n)
        time.sleep(5)
    os._exit(0)"),
        node("Node, writeFile", "fs.writeFile('index.html', text, () => {})"),
        node("Node, writeFileSync twice", "fs.writeFileSync('index.html', text); fs.writeFileSync('index.html', text)"),
        node("Node, a stream", "const s = fs.createWriteStream('index.html'); \
             for (const line of text.split(/^/m)) s.write(line); s.end()"),
        node("Node, write-file-atomic", "const fd = fs.openSync('index.html.1234', 'w'); fs.writeSync(fd, text); \
             fs.fsyncSync(fd); fs.closeSync(fd); fs.chmodSync('index.html.1234', 0o644); \
             fs.renameSync('index.html.1234', 'index.html')"),
        node("Prettier, eslint --fix: read, write", "\
             fs.writeFileSync('index.html', fs.readFileSync('index.html', 'utf8').replaceAll('one', 'two'))"),
        save("a save, and the formatter's 60 ms later", &[], "\
             sed s/one/half/ index.html >.new && cat .new >index.html; sleep 0.06; cat \"$NEW\" >index.html").few(2),
        save("sheet: in place", &[], "cat \"$NEWCSS\" >app.css").tested(),
        save("sheet: by rename", &[], "cp \"$NEWCSS\" .app.tmp && mv .app.tmp app.css").tested(),
        save("sheet: sed -i", &[], "sed -i s/one/two/ app.css"),
        save("sheet: delete, then write 10 ms later", &[], "rm app.css; sleep 0.01; cat \"$NEWCSS\" >app.css"),
        save("sheet: > and a slow command", &[], "{ sleep 0.1; cat \"$NEWCSS\"; } >app.css"),
        save("sheet: append", &[], "echo ':root { --word: two }' >>app.css"),
        save("sheet and page", &[], "cat \"$NEWCSS\" >app.css; cat \"$NEW\" >index.html").few(2),
    ]
}
