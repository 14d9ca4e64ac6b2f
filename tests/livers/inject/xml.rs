//! XHTML pages, and SVG that is opened by itself.

use std::collections::HashMap;

use super::{plain, tree::tree, without_element};
use crate::support::{browser::browser, dir::TempDir, http, server::Livers};

const SVG: &str = "<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg' width='9'>\n\
                   <title>a</title><rect width='9' height='9'/></svg>\n";

/// Documents, with `@` where the element goes; unchanged without one.
const DOCUMENTS: [(&str, &str); 14] = [
    ("plain.svg", "<svg xmlns='http://www.w3.org/2000/svg'>@\n<rect/>\n</svg>"),
    (
        "declared.svg",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- <svg> -->\n<!DOCTYPE svg PUBLIC \
         \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\" [\n\
         <!ENTITY ns_svg \"http://www.w3.org/2000/svg\">\n<!ENTITY text \"]> <b/>\">\n]>\n\
         <svg xmlns=\"&ns_svg;\" viewBox=\"0 0 > 9\">@<text>&text;</text></svg>",
    ),
    ("prefix.svg", "<s:svg xmlns:s='http://www.w3.org/2000/svg'>@<s:rect/></s:svg>"),
    ("bom.svg", "\u{feff}<svg xmlns='http://www.w3.org/2000/svg'>@ <g/></svg>"),
    ("empty.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("no-namespace.svg", "<svg><rect/></svg>"),
    (
        "page.xhtml",
        "<?xml version='1.0'?><!DOCTYPE html>\n<html xmlns='http://www.w3.org/1999/xhtml' lang='en'>\n\
         <!-- a --><?b c?>\n<head>@\n<title>a</title>\n<style><![CDATA[a > b {}]]></style></head>\n\
         <body><p>b &lt; &#38;<![CDATA[<i>]]></p></body>\n</html>\n<!-- d -->",
    ),
    (
        "strict.xhtml",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \
         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n\
         <html xmlns='http://www.w3.org/1999/xhtml'><head>@<title>&nbsp;</title></head><body/></html>",
    ),
    ("no-head.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'>@<body>a</body></html>"),
    ("empty-head.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'>@<head/><body/></html>"),
    (
        "prefix.xhtml",
        "<h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:head>@<h:title>a</h:title></h:head></h:html>",
    ),
    ("none.xhtml", ""),
    ("cut.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'><head>@<title>a</title>\n<p>b\n"),
    ("broken-first.svg", "<svg xmlns=http://www.w3.org/2000/svg><rect/></svg>"),
];

fn without_mark(document: &str) -> Vec<u8> {
    document.replace('@', "").into()
}

#[tokio::test]
async fn only_navigations_to_xml_documents_get_the_element() {
    const NAVIGATE: (&str, &str) = ("Sec-Fetch-Mode", "navigate");
    let table: &[(&[(&str, &str)], bool)] = &[
        (&[("Sec-Fetch-Dest", "document"), NAVIGATE], true),
        (&[("Sec-Fetch-Dest", "iframe"), NAVIGATE], true),
        (&[("Sec-Fetch-Dest", "object"), NAVIGATE], true),
        (&[("Sec-Fetch-Dest", "embed"), NAVIGATE], true),
        (&[("Sec-Fetch-Dest", "image"), ("Sec-Fetch-Mode", "no-cors")], false),
        (&[("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Mode", "cors")], false),
        (&[("Sec-Fetch-Dest", "style"), ("Sec-Fetch-Mode", "no-cors")], false),
        // Browsers send no Fetch Metadata to a host on the network.
        (&[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")], true),
        (&[("Accept", "image/avif,image/svg+xml,*/*;q=0.8")], false),
        (&[("Accept", "image/svg+xml,*/*"), ("Referer", "http://box.local/")], false),
        (&[("Accept", "*/*")], false),
        (&[], false),
    ];
    let dir = TempDir::new();
    let page = without_mark(DOCUMENTS[6].1);
    dir.write("a.svg", SVG);
    dir.write("a.xhtml", &page);
    dir.write("a.xml", SVG);
    let page = String::from_utf8(page).expect("UTF-8");
    let files = HashMap::from([("a.svg", SVG), ("a.xhtml", &page)]);
    let served = files.clone().into_iter().map(|(name, text)| (name.to_owned(), text.to_owned()));
    let served: HashMap<_, _> = served.collect();
    let backend = plain(move |name| {
        served.get(name.trim_start_matches("app/")).map(|text| text.as_bytes().to_vec())
    })
    .await;
    let route = format!("--proxy=/app=127.0.0.1:{}", backend.port());
    let livers = Livers::on(dir.path()).args([route]).start().await;
    for (name, text) in files {
        for path in [format!("/{name}"), format!("/app/{name}")] {
            for (headers, element) in table {
                let answer = http::get_with(livers.port(), &path, headers).await;
                let body = answer.body.clone();
                let rest = if *element { without_element(&body).1 } else { body };
                assert_eq!(String::from_utf8_lossy(&rest), text, "{path} {headers:?}");
                let varies = answer.header("vary").unwrap_or_default();
                assert!(varies.contains("Sec-Fetch-Dest"), "{path} {headers:?}: {varies}");
            }
        }
    }
    let answer = http::get_with(livers.port(), "/a.xml", table[0].0).await;
    assert_eq!(answer.text(), SVG, "other XML is data");
}

#[tokio::test]
async fn chromium_builds_the_same_tree_from_xml_and_runs_the_client() {
    let dir = TempDir::new();
    let mut all: Vec<(String, Vec<u8>, bool)> = DOCUMENTS
        .iter()
        .map(|(name, text)| ((*name).to_owned(), without_mark(text), text.contains('@')))
        .collect();
    for (name, bytes, element) in all.clone() {
        let text = String::from_utf8(bytes).expect("UTF-8");
        let encoding = text.contains("UTF-8");
        if text.starts_with('\u{feff}') || encoding || text.is_empty() {
            continue;
        }
        let text = format!("\u{feff}{text}");
        let units = text.encode_utf16();
        all.push((
            format!("le-{name}"),
            units.clone().flat_map(u16::to_le_bytes).collect(),
            element,
        ));
        all.push((format!("be-{name}"), units.flat_map(u16::to_be_bytes).collect(), element));
    }
    let latin =
        b"<?xml version='1.0' encoding='ISO-8859-1'?>\n<html xmlns='http://www.w3.org/1999/xhtml'>\
        <head><title>\xfc</title></head><body/></html>";
    all.push(("latin.xhtml".to_owned(), latin.to_vec(), true));
    for (name, bytes, _) in &all {
        dir.write(name, bytes);
    }
    let livers = Livers::on(dir.path()).start().await;
    let files = all.clone();
    let plain = plain(move |wanted| {
        files.iter().find(|(name, ..)| name == wanted).map(|(_, bytes, _)| bytes.clone())
    })
    .await;
    let page = browser().await.page().await;
    for (name, _, element) in all {
        page.goto(&livers.at(&format!("/{name}"))).await;
        if element {
            page.wait_until("document.__livers").await;
        }
        let live = tree(&page).await;
        page.goto(&format!("{}/{name}", plain.url())).await;
        assert_eq!(live, tree(&page).await, "{name}");
    }
}

#[tokio::test]
async fn the_element_follows_the_root_or_the_head() {
    let dir = TempDir::new();
    for (name, text) in DOCUMENTS {
        dir.write(name, without_mark(text));
    }
    let livers = Livers::on(dir.path()).start().await;
    let navigation = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];
    for (name, text) in DOCUMENTS {
        let answer = http::get_with(livers.port(), &format!("/{name}"), &navigation).await;
        match text.find('@') {
            Some(wanted) => {
                let (at, rest) = without_element(&answer.body);
                assert_eq!((at, rest), (wanted, without_mark(text)), "{name}");
            }
            None => assert_eq!(answer.text(), text, "{name}"),
        }
    }
}
