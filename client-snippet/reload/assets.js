// What the page shows besides text: pictures, fonts, videos, icons; and how one is renewed in place.
// See types.d.ts.
//
// An address is renewed by a query that no server looks at: without it a browser takes the picture
// of the same address that the document has. For the same reason a sheet or an element that names a
// renewed file anew gets the query too: see `again`. What is new is loaded first, and not shown if
// that fails.

import { bust, pathOf } from './address.js';
import { roots } from './sheets.js';

/** Elements, and their attributes that hold addresses; what is behind these. @type {Places} */
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

/** @type {InText} */
export const inStyle = (text, base, replace) =>
  text.replace(/url\(\s*(["']?)(.*?)\1\s*\)/g, (all, _, url) => {
    const next = replace(absolute(url, base));
    return next ? `url("${next}")` : all;
  });

/** @type {InText} */
export const inSrcset = (text, base, replace) =>
  // An address may hold commas, but not begin or end in one.
  text.replace(/([^\s,](?:\S*[^\s,])?)(\s+[^,]+)?/g, (all, url, size = '') => {
    const next = replace(absolute(url, base));
    return next ? next + size : all;
  });

/** @type {InText} */
const inAttribute = (text, base, replace) => replace(absolute(text, base)) || text;

/** Goes through the addresses of a sheet, its imports included. @type {InRules} */
const inRules = (holder, base, replace) => {
  let rules;
  try {
    rules = holder?.cssRules ?? [];
  } catch {
    return; // of another origin
  }
  for (const rule of rules) {
    if (rule.href) replace(absolute(rule.href, base), 'sheet');
    if (rule.href) inRules(rule.styleSheet, absolute(rule.href, base), replace);
    else inRules(rule, base, replace);
    inDeclarations(rule.style, base, rule.type === FONT_FACE ? 'font' : 'image', replace);
  }
};

/** @type {InDeclarations} */
const inDeclarations = (style, base, type, replace) => {
  const text = style?.cssText ?? '';
  if (!/url\(/i.test(text)) return;
  const next = inStyle(text, base, (url) => replace(url, type));
  if (next !== text) style.cssText = next;
};

/** The same moment of the new video; it goes on if it was playing. @type {(media: any) => void} */
const resume = (media) => {
  const { currentTime, paused } = media;
  const go = () => {
    media.currentTime = currentTime;
    if (!paused) media.play().catch(() => {});
  };
  media.addEventListener('loadedmetadata', go, { once: true });
};

/** Goes through all addresses that the page shows something from. @type {Visit} */
const visit = ({ document }, replace) => {
  const base = document.baseURI;
  const seen = new Set();
  for (const root of roots(document)) {
    for (const [selector, name, type] of PLACES)
      for (const element of root.querySelectorAll(selector)) {
        const text = element.getAttribute(name);
        const within = name === 'srcset' ? inSrcset : inAttribute;
        const next = text && within(text, base, (url) => replace(url, type));
        if (!next || next === text) continue;
        /** @type {HTMLMediaElement | null | false} */
        const media = type === 'media' && element.closest('video,audio');
        if (media) resume(media);
        element.setAttribute(name, next);
        if (media && media !== element) media.load();
      }
    for (const element of root.querySelectorAll('[style*="url(" i]'))
      inDeclarations('style' in element && element.style, base, 'image', replace);
    for (const sheet of [...root.styleSheets, ...(root.adoptedStyleSheets ?? [])])
      if (!seen.has(sheet)) inRules(seen.add(sheet) && sheet, sheet.href ?? base, replace);
  }
};

/** @type {Assets} */
export const assets = (window) => {
  const { document, location } = window;
  const renewed = new Map(); // path -> version

  const { origin } = location;

  /** Settles if it can be shown. @type {(url: string, type: string) => Promise<unknown>} */
  const loads = (url, type) =>
    new Promise((resolve) => {
      if (type === 'font')
        return new window.FontFace('livers', `url("${url}")`).load().then(resolve, () => {});
      if (type !== 'image') return resolve(0);
      const image = new window.Image();
      image.onload = () => resolve(image);
      image.src = url;
    });

  const again = () => {
    if (!renewed.size) return;
    visit(window, (url, type) => {
      const version = type === 'sheet' ? undefined : renewed.get(pathOf(url, origin));
      return version === undefined ? '' : bust(url, version);
    });
  };

  /** Browsers ask for this one without being told to. */
  const icon = () => document.querySelector('link[rel~=icon]') === null;

  return {
    again,
    shows: (sheet) => {
      /** @type {string[]} */
      const urls = [];
      inRules(sheet, sheet?.href ?? document.baseURI, (url) => (urls.push(url), ''));
      return urls;
    },
    users: (paths) => {
      const wanted = paths.filter((path) => !path.endsWith('.css'));
      if (!wanted.length) return [];
      const found = new Map(wanted.map((path) => [path, new Map()]));
      visit(window, (url, type) => {
        if (type !== 'sheet') found.get(pathOf(url, origin))?.set(url, type);
        return '';
      });
      if (icon()) found.get('/favicon.ico')?.set(origin + '/favicon.ico', 'image');
      return [...found].flatMap(([path, urls]) => {
        /** @type {User['renew']} */
        const renew = async (version) => {
          const all = [...urls].map(([url, type]) => loads(bust(url, version), type));
          const kept = await Promise.all(all);
          if ((renewed.get(path) ?? 0) > version) return kept;
          renewed.set(path, version);
          if (path === '/favicon.ico' && icon()) {
            const link = document.createElement('link');
            document.head.append(Object.assign(link, { rel: 'icon', href: path }));
          }
          again();
        };
        const [type] = urls.values();
        return urls.size ? [{ how: type === 'part' ? 'image' : type, paths: [path], renew }] : [];
      });
    },
  };
};
