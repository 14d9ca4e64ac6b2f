//! Vue components, with the real compiler: what they show, and which edits keep their state.

use std::path::Path;
use std::process::Command;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// Vue, and what its compiler needs.
const PACKAGES: [&str; 11] = [
    "vue",
    "@vue",
    "@babel",
    "@jridgewell",
    "entities",
    "estree-walker",
    "magic-string",
    "nanoid",
    "picocolors",
    "postcss",
    "source-map-js",
];

const APP: &str = "<script setup lang=\"ts\">
import { provide, ref, shallowRef } from 'vue'
import Part from './Part.vue'
import type { Tone } from './tone'
const tone = ref<Tone['color']>('rgb(1, 1, 1)')
provide('tone', tone)
const load = async () => { later.value = (await import('./Later.vue')).default }
const later = shallowRef()
</script>
<template>
  <input id=text><Part id=first label=\"a\" /><Part id=second label=\"b\" />
  <button id=load @click=\"load\">load</button><component :is=\"later\" />
</template>
";

const PART: &str = "<script setup lang=\"ts\">
import { inject, ref } from 'vue'
import { step } from './step'
const props = defineProps<{ label: string }>()
const n = ref(0)
const tone = inject('tone')
</script>
<template>
  <button :class=\"['part', $style.own]\" @click=\"n += step\">one {{ props.label }} {{ n }}</button>
</template>
<style scoped>
.part { margin-top: 1px; color: v-bind(tone) }
</style>
<style module>
.own { padding-left: 2px }
</style>
<i18n>{}</i18n>
";

const LATER: &str = "<script>
export default { data: () => ({ n: 5 }) }
</script>
<template><p id=later>later {{ n }}</p></template>
";

fn project() -> TempDir {
    let dir = TempDir::new();
    dir.make_dir("node_modules");
    for package in PACKAGES {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules").join(package);
        let copied = Command::new("cp").arg("-r").arg(&from).arg(dir.at("node_modules")).status();
        assert!(copied.is_ok_and(|it| it.success()), "run: npm ci --prefix tests");
    }
    for (path, text) in [
        ("package.json", "{\"type\":\"module\"}"),
        (
            "index.html",
            "<!doctype html><title>t</title><link rel=icon href=data:,><div id=app></div>
             <script type=module src=/src/main.ts></script>",
        ),
        (
            "src/main.ts",
            "import { createApp } from 'vue'; import App from './App.vue'; createApp(App).mount('#app');",
        ),
        ("src/App.vue", APP),
        ("src/Part.vue", PART),
        ("src/Later.vue", LATER),
        ("src/step.ts", "export const step: number = 1;"),
        ("src/tone.ts", "export interface Tone { color: string }"),
    ] {
        dir.write(path, text);
    }
    dir
}

async fn wait_for(page: &Page, id: &str, text: &str) {
    page.wait_until(&format!("document.querySelector('#{id}')?.textContent === '{text}'")).await;
}

async fn wait_for_style(page: &Page, name: &str, value: &str) {
    let style = "getComputedStyle(document.querySelector('#first'))";
    page.wait_until(&format!("{style}.{name} === '{value}'")).await;
}

/// Counts in the first part, and marks its element.
async fn count(page: &Page) {
    page.run("window.first = document.querySelector('#first'); first.click()").await;
}

/// Returns whether the element of the first part is the one that was marked.
async fn is_kept(page: &Page) -> bool {
    page.eval("document.querySelector('#first') === first").await
}

#[tokio::test]
async fn components_are_updated_in_place() {
    let dir = project();
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for(&page, "first", "one a 0").await;
    wait_for_style(&page, "color", "rgb(1, 1, 1)").await;
    wait_for_style(&page, "marginTop", "1px").await;
    wait_for_style(&page, "paddingLeft", "2px").await;
    page.run("document.querySelector('#text').value = 'half-written'").await;

    // The template: all instances have their state and their elements.
    count(&page).await;
    let part = PART.replace(">one", ">two");
    dir.write("src/Part.vue", &part);
    wait_for(&page, "first", "two a 1").await;
    wait_for(&page, "second", "two b 0").await;
    assert!(is_kept(&page).await);

    // A style sheet: nothing but the sheet.
    page.run("new MutationObserver(() => window.changed = true).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })").await;
    let part = part
        .replace("1px", "3px")
        .replace("2px", "4px")
        .replace("const n", "// more\nconst n: any");
    dir.write("src/Part.vue", &part);
    wait_for_style(&page, "marginTop", "3px").await;
    wait_for_style(&page, "paddingLeft", "4px").await;
    assert!(is_kept(&page).await && page.eval::<bool>("!window.changed").await);

    // The script, and a module that it imports: new instances.
    let part = part.replace("ref(0)", "ref(5)");
    dir.write("src/Part.vue", &part);
    wait_for(&page, "first", "two a 5").await;
    assert!(!is_kept(&page).await);
    count(&page).await;
    wait_for(&page, "first", "two a 6").await;
    dir.write("src/step.ts", "export const step: number = 2;");
    wait_for(&page, "first", "two a 5").await;
    count(&page).await;
    wait_for(&page, "first", "two a 7").await;

    // An error, and its repair.
    dir.write("src/Part.vue", part.replace("</button>", ""));
    livers
        .wait_for_line(|line| line.contains("src/Part.vue:10:3: Element is missing end tag"))
        .await;
    page.wait_until("document.querySelector('livers-overlay, [id^=livers]') || [...document.documentElement.children].some((it) => it.shadowRoot)").await;
    assert!(is_kept(&page).await);
    dir.write("src/Part.vue", part.replace(">two", ">three"));
    wait_for(&page, "first", "three a 7").await;

    // A component that is loaded later.
    page.run("document.querySelector('#load').click()").await;
    wait_for(&page, "later", "later 5").await;
    dir.write("src/Later.vue", LATER.replace("later {{", "sooner {{"));
    wait_for(&page, "later", "sooner 5").await;
    dir.write("src/Later.vue", LATER.replace("n: 5", "n: 6"));
    wait_for(&page, "later", "later 6").await;

    // The type that a macro refers to is read from its file, as is the color from the script.
    dir.write("src/App.vue", APP.replace("rgb(1", "rgb(2"));
    wait_for_style(&page, "color", "rgb(2, 1, 1)").await;
    assert_eq!(page.navigations(), 1);
    let warnings: Vec<_> = page.console().into_iter().filter(|it| it.level != "log").collect();
    let others: Vec<_> = warnings.iter().filter(|it| !it.text.contains("500")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn errors_are_where_they_are_in_the_component() {
    let dir = project();
    let app = "<script setup lang=\"ts\">
interface User { name: { first: string } }
const user = undefined as unknown as User
const fail = () => { throw new Error('in the script') }
const late = () => setTimeout(() => console.error('late', user?.name))
</script>

<template>
  <button id=script @click=\"fail\">script</button>
  <button id=template @click=\"user.name.first.trim()\">template</button>
  <button id=late @click=\"late\">late</button>
</template>
";
    dir.write("src/App.vue", app);
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        wait_for(&page, "late", "late").await;
        for (id, place, message) in [
            ("script", "src/App.vue:4:28: ", "Error: in the script"),
            ("template", "src/App.vue:10:", "TypeError: Cannot read properties of undefined"),
            ("late", "src/App.vue:5:45: ", "late undefined"),
        ] {
            page.run(&format!("document.querySelector('#{id}').click()")).await;
            livers.wait_for_line(|line| line.contains(place) && line.contains(message)).await;
        }
    }
}
