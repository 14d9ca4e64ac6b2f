// Finds the images, fonts, media and icons that the page shows, and replaces one without a reload.
// Types: types.d.ts.
//
// A new version is requested with a query that servers of files ignore. Without it, the browser
// would reuse the image that the document already has for this URL. A sheet or an element that
// names a replaced file later gets the query too: see `reapply`. The new file is loaded first, and
// is not shown if that fails. A removed file is not loaded: it disappears, as from a fresh page.

import { pathOf, SHEET, withVersion } from './address.js';
import { roots } from './sheets.js';

/**
 * Elements, their attributes that contain URLs, and the kinds of files behind these.
 *
 * @type {Places}
 */
const PLACES = [
  ['img,input[type=image]', 'src', 'image'],
  ['img,picture>source', 'srcset', 'image'],
  ['image,feImage', 'href', 'image'],
  ['image,feImage', 'xlink:href', 'image'],
  ['use', 'href', 'part'],
  ['use', 'xlink:href', 'part'],
  ['video', 'poster', 'image'],
  ['link[rel~=icon],link[rel=apple-touch-icon],link[rel=mask-icon]', 'href', 'image'],
  ['video,audio,video>source,audio>source', 'src', 'media'],
];

const FONT_FACE = 5; // CSSRule.FONT_FACE_RULE

/** @type {(url: string, base: string) => string} */
const absolute = (url, base) => {
  try {
    return new URL(url, base).href;
  } catch {
    return '';
  }
};

/** @type {ReplaceInText} */
export const replaceInStyle = (text, base, replace) =>
  text.replace(/url\(\s*(["']?)(.*?)\1\s*\)/g, (all, _, url) => {
    const next = replace(absolute(url, base));
    return next ? `url("${next}")` : all;
  });

/** @type {ReplaceInText} */
export const replaceInSrcset = (text, base, replace) =>
  // A URL may contain commas, but not begin or end with one.
  text.replace(/([^\s,](?:\S*[^\s,])?)(\s+[^,]+)?/g, (all, url, size = '') => {
    const next = replace(absolute(url, base));
    return next ? next + size : all;
  });

/** @type {ReplaceInText} */
const replaceInAttribute = (text, base, replace) => replace(absolute(text, base)) || text;

/** Visits the URLs of a sheet and its imports. @type {VisitRules} */
const visitRules = (holder, base, replace) => {
  let rules;
  try {
    rules = holder?.cssRules ?? [];
  } catch {
    return; // of another origin
  }
  for (const rule of rules) {
    if (rule.href) replace(absolute(rule.href, base), 'sheet');
    if (rule.href) visitRules(rule.styleSheet, absolute(rule.href, base), replace);
    else visitRules(rule, base, replace);
    visitDeclarations(rule.style, base, rule.type === FONT_FACE ? 'font' : 'image', replace);
  }
};

/** @type {VisitDeclarations} */
const visitDeclarations = (style, base, type, replace) => {
  const text = style?.cssText ?? '';
  if (!/url\(/i.test(text)) return;
  const next = replaceInStyle(text, base, (url) => replace(url, type));
  if (next !== text) style.cssText = next;
};

/** Lets the new media continue where the old one is. @type {(media: any) => void} */
const resume = (media) => {
  const { currentTime, paused } = media;
  const seek = () => {
    media.currentTime = currentTime;
    if (!paused) media.play().catch(() => {});
  };
  media.addEventListener('loadedmetadata', seek, { once: true });
};

/** Visits the URLs in one attribute of an element. @type {VisitAttribute} */
const visitAttribute = (element, [, name, type], base, replace) => {
  const text = element.getAttribute(name);
  const within = name === 'srcset' ? replaceInSrcset : replaceInAttribute;
  const next = text && within(text, base, (url) => replace(url, type));
  if (!next || next === text) return;
  const media = type === 'media' && element.closest('video,audio');
  if (media) resume(media);
  element.setAttribute(name, next);
  if (media && media !== element) media.load();
};

/** Visits all URLs of files that the page shows. @type {VisitPage} */
const visitPage = ({ document }, replace) => {
  const base = document.baseURI;
  const seen = new Set();
  for (const root of roots(document)) {
    for (const place of PLACES)
      for (const element of root.querySelectorAll(place[0]))
        visitAttribute(element, place, base, replace);
    for (const element of root.querySelectorAll('[style*="url(" i]'))
      visitDeclarations('style' in element && element.style, base, 'image', replace);
    for (const sheet of [...root.styleSheets, ...(root.adoptedStyleSheets ?? [])])
      if (!seen.has(sheet)) visitRules(seen.add(sheet) && sheet, sheet.href ?? base, replace);
  }
};

/**
 * Settles once the file can be shown.
 *
 * @type {(window: Page, url: string, type: string) => Promise<unknown>}
 */
const preload = (window, url, type) =>
  new Promise((resolve) => {
    if (type === 'font')
      return new window.FontFace('livers', `url("${url}")`).load().then(resolve, () => {});
    if (type !== 'image') return resolve(0);
    const image = new window.Image();
    image.onload = () => resolve(image);
    image.src = url;
  });

/** @type {Assets} */
export const assets = (window) => {
  const { document, location } = window;
  const { origin } = location;
  const replaced = new Map(); // path -> version

  const reapply = () => {
    if (!replaced.size) return;
    visitPage(window, (url, type) => {
      const version = type === 'sheet' ? undefined : replaced.get(pathOf(url, origin));
      return version === undefined ? '' : withVersion(url, version);
    });
  };

  /** Browsers request /favicon.ico for a page that names no icon. */
  const hasDefaultIcon = () => document.querySelector('link[rel~=icon]') === null;

  /** @type {MakeAssetTarget} */
  const target = (path, urls) => {
    const [type] = urls.values();
    /** @type {Target['refresh']} */
    const refresh = async (version, removed) => {
      // The images are kept until they are shown.
      const loaded = !removed.has(path) && await Promise.all(
        [...urls].map(([url, type]) => preload(window, withVersion(url, version), type)),
      );
      if ((replaced.get(path) ?? 0) > version) return loaded;
      replaced.set(path, version);
      if (path === '/favicon.ico' && hasDefaultIcon()) {
        const link = document.createElement('link');
        document.head.append(Object.assign(link, { rel: 'icon', href: path }));
      }
      reapply();
    };
    return { how: type === 'part' ? 'image' : type, paths: [path], refresh };
  };

  return {
    reapply,
    urlsIn: (sheet) => {
      /** @type {string[]} */
      const urls = [];
      visitRules(sheet, sheet?.href ?? document.baseURI, (url) => (urls.push(url), ''));
      return urls;
    },
    targets: (paths) => {
      const wanted = paths.filter((path) => !SHEET.test(path));
      if (!wanted.length) return [];
      const found = new Map(wanted.map((path) => [path, new Map()]));
      visitPage(window, (url, type) => {
        if (type !== 'sheet') found.get(pathOf(url, origin))?.set(url, type);
        return '';
      });
      if (hasDefaultIcon()) found.get('/favicon.ico')?.set(origin + '/favicon.ico', 'image');
      return [...found].flatMap(([path, urls]) => (urls.size ? [target(path, urls)] : []));
    },
  };
};
