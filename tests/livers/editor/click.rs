//! A click on a place in the overlay.

use serde_json::json;

use crate::support::browser::Page;

/// Clicks on an element, as a person does.
pub(super) async fn click(page: &Page, element: &str) {
    page.wait_until(element).await;
    let place = format!(
        "(() => {{ const element = {element}; element.scrollIntoView({{ block: 'center' }});
           const {{ x, y, width, height }} = element.getBoundingClientRect();
           return [x + width / 2, y + height / 2] }})()"
    );
    let [x, y]: [f64; 2] = page.eval(&place).await;
    for kind in ["mousePressed", "mouseReleased"] {
        let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
        page.command("Input.dispatchMouseEvent", event).await;
    }
}

#[cfg(feature = "esm")]
#[tokio::test]
async fn a_click_on_a_place_opens_it_in_the_editor() {
    use super::{StandIn, on};
    use crate::support::browser::browser;
    use crate::support::dir::TempDir;

    let stand_in = StandIn::named("code");
    let dir = TempDir::new();
    dir.write("favicon.ico", "");
    dir.write("package.json", "{}");
    let script = "<title>none</title><script type=module src=/src/a.ts></script>";
    dir.write("index.html", format!("<!doctype html>{script}"));
    let policy = "default-src 'none'; script-src 'self'; require-trusted-types-for 'script'";
    let policy = format!("<meta http-equiv=Content-Security-Policy content=\"{policy}\">");
    dir.write("strict.html", format!("<!doctype html>{policy}{script}"));
    dir.write("src/a.ts", "export const a = 1;\nlet b = ;\n");
    let program = stand_in.program("code");
    for (path, command, is_opened, text) in [
        ("/", &*program, true, "Opened in code."),
        ("/strict.html", &*program, true, "Opened in code."),
        ("/", "/none/own-editor", false, "Set LIVERS_EDITOR to the command of your editor."),
        ("/", "none", false, "Not opened: opening an editor is turned off."),
    ] {
        let livers = on(&dir).env("LIVERS_EDITOR", command).start().await;
        let page = browser().await.open(&livers.at(path)).await;
        let overlay = "document.querySelector('livers-overlay')?.shadowRoot";
        // Each click has a token of its own.
        for _ in 0..2 {
            click(&page, &format!("{overlay}?.querySelector('button.place')")).await;
            let footer = format!("{overlay}.querySelector('footer').textContent");
            page.wait_until(&format!("{footer}.includes({})", json!(text))).await;
            page.run(&format!("{overlay}.querySelector('footer').replaceChildren()")).await;
            if is_opened {
                let place = format!("{}:2:9", dir.at("src/a.ts").display());
                assert_eq!(stand_in.called().await, ["-r", "-g", &place]);
            }
        }
        assert_eq!(page.eval::<u32>("document.querySelectorAll('iframe').length").await, 0);
    }
}
