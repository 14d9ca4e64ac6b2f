// Cases of a morph: the old source, the new source, what happened to the open page in between, and
// the expected result. The file is an expression: a function that returns the failed cases.
async () => {
  const { patch } = await import('/__livers/morph.js');
  const S = '<script>1</' + 'script>';
  const added = (name, to = 'body') => (d) => d.querySelector(to).append(d.createElement(name));
  const refused = 'elements were added or removed, and a script may refer to them';
  const surroundings = 'a script changed the surroundings of a change';
  // name, before, after, what happened, how or why, a condition afterwards
  const cases = [
    ['a title', '<title>a</title>', '<title>b</title>', , 'morph', (d) => d.title === 'b'],
    ['no relevant difference', '<p class=a  id=b>', '<p id="b" class="a">', , 'none'],
    ['a text that a script changed', '<p>a</p>', '<p>b</p>', (d) => (d.querySelector('p').textContent = 'c'), 'a script changed a text'],
    ['a class that a script changed', '<p class=a>', '<p class=b>', (d) => d.querySelector('p').classList.add('c'), 'a script changed class'],
    ['a script', S, '<script>2</' + 'script>', , 'a script element changed'],
    ['an added script', '<p>', '<p>' + S, , 'a script element changed'],
    ['a data script', '<script type=application/json>1</' + 'script>', '<script type=application/json>2</' + 'script>', , 'a script element changed'],
    ['a base', '<p>', '<base href=/x/><p>', , 'a base element changed'],
    ['a content security policy', '<p>', '<meta http-equiv=content-security-policy content="img-src *"><p>', , 'an http-equiv meta element changed'],
    ['a template', '<template><p>a</template>', '<template><p>b</template>', , 'a template changed'],
    ['a shadow root', '<div><template shadowrootmode=open>a</template></div>', '<div><template shadowrootmode=open>b</template></div>', , 'a template changed'],
    ['beside a shadow root', '<div><template shadowrootmode=open><slot></slot></template><p>a</p></div>', '<div><template shadowrootmode=open><slot></slot></template><p>b</p></div>', , 'morph', (d) => d.querySelector('div').shadowRoot && d.querySelector('p').textContent === 'b'],
    ['a page that requests reloads', '<p>a</p>', '<meta name=livers content=reload><p>a</p>', , 'the page requests reloads'],
    ['elements, without scripts', '<ul><li>a</ul>', '<ul><li>a<li>b</ul>', , 'morph', (d) => d.querySelectorAll('li').length === 2],
    ['elements, with scripts', S + '<ul><li>a</ul>', S + '<ul><li>a<li>b</ul>', , refused],
    ['a word made bold, with scripts', S + '<p>a b</p>', S + '<p>a <b>b</b></p>', , 'morph', (d) => d.querySelector('p b')],
    ['an added element with an id, with scripts', S + '<p>a b</p>', S + '<p>a <b id=b>b</b></p>', , refused],
    ['a text, with scripts', S + '<p>a</p>', S + '<p>b</p>', , 'morph', (d) => d.querySelector('p').textContent === 'b'],
    ['an attribute of a framework', S + '<p hx-get=/a>', S + '<p hx-get=/b>', , 'a script may have read hx-get'],
    ['an attribute in an SVG image', S + '<svg><path stroke-width=1 /></svg>', S + '<svg><path stroke-width=2 /></svg>', , 'morph', (d) => d.querySelector('path').getAttribute('stroke-width') === '2'],
    ['in a custom element, with scripts', S + '<my-card><p>a</p></my-card>', S + '<my-card><p>b</p></my-card>', , 'a custom element changed'],
    ['in an unknown element', '<my-card><p>a</p></my-card>', '<my-card><p>b</p></my-card>', , 'morph'],
    ['quirks', '<p>a', '<!doctype html><p>a', , 'the doctype changed', , true],
    ['another doctype', '<!doctype html><p>a', '<!doctype html public "-//W3C//DTD HTML 4.01 Transitional//EN"><p>a', , 'the doctype changed', , true],
    ['a namespace in an attribute', '<svg><use xlink:href="#a"/></svg>', '<svg><use xlink:href="#b"/></svg>', , 'morph', (d) => d.querySelector('use').href.baseVal === '#b'],
    ['an SVG image', '<p>', '<p><svg viewBox="0 0 1 1"><foreignObject><b>a</b></foreignObject></svg>', , 'morph', (d) => d.querySelector('foreignObject').namespaceURI.includes('svg') && d.querySelector('b').namespaceURI.includes('xhtml')],
    ['a noscript', '<noscript><img src=a></noscript><p>a', '<noscript><img src=b></noscript><p>b', , 'morph', (d) => d.querySelector('noscript').textContent === '<img src=b>' && !d.querySelector('img')],
    ['a noscript in the head', '<head><noscript><img></noscript><title>a</title>', '<head><noscript><img></noscript><title>b</title>', , 'morph', (d) => d.title === 'b'],
    ['a noscript in a comment', '<!-- <noscript> --><p>a', '<!-- <noscript> --><p>b', , '<noscript> in an unsupported place'],
    ['a table', '<table><tr><td>a</table>', '<table><tr><td>a<td>b<tr><td>c</table>', , 'morph', (d) => d.querySelectorAll('tbody td').length === 3],
    // Changes by scripts and extensions.
    ['a toast', '<div>a</div>\n', '<div>b</div>\n', added('div'), 'morph', (d) => d.querySelectorAll('div').length === 2 && d.querySelector('div').textContent === 'b'],
    ['an equal element before', '<ul><li>a</ul>', '<ul><li>b</ul>', (d) => d.querySelector('ul').prepend(d.querySelector('li').cloneNode(true)), surroundings],
    ['sorted rows', '<ul><li><b>x</b><i>1</i><li><b>x</b><i>2</i></ul>', '<ul><li><b>y</b><i>1</i><li><b>x</b><i>2</i></ul>', (d) => d.querySelector('ul').prepend(d.querySelector('ul').lastChild), surroundings],
    ['a copy in place of an element', '<ul><li><b>x</b><i>1</i><li><b>x</b><i>2</i></ul>', '<ul><li><b>y</b><i>1</i><li><b>x</b><i>2</i></ul>', (d) => d.querySelector('li').replaceWith(d.querySelector('ul').lastChild.cloneNode(true)), surroundings],
    ['a list that a script built', S + '<div id=app></div><p>a</p>', S + '<div id=app></div><p>b</p>', added('ul', '#app'), 'morph', (d) => d.querySelector('#app ul')],
    ['an attribute of an extension', '<p>a</p>', '<p>b</p>', (d) => d.documentElement.setAttribute('data-dark', ''), 'morph', (d) => d.documentElement.hasAttribute('data-dark')],
    ['a replaced sheet', '<link rel=stylesheet href=a.css><link rel=stylesheet href=b.css?x><title>a</title>', '<link rel=stylesheet href=a.css><link rel=stylesheet href=b.css?x><title>b</title>', (d) => d.querySelectorAll('link').forEach((l) => (l.href += (l.href.includes('?') ? '&' : '?') + 'livers=9')), 'morph', (d) => d.querySelector('link').href.endsWith('a.css?livers=9')],
    ['a replaced sheet with another name', '<link rel=stylesheet href=a.css>', '<link rel=stylesheet href=b.css>', (d) => (d.querySelector('link').href += '?livers=9'), 'morph', (d) => d.querySelector('link').getAttribute('href') === 'b.css'],
    ['styles', '<style>p { color: red }</style><p>', '<style>p { color: rgb(1, 2, 3) }</style><p>', , 'morph', (d) => d.defaultView.getComputedStyle(d.querySelector('p')).color === 'rgb(1, 2, 3)'],
    // Changes by the user.
    ['typed text', '<input value=a><p>a', '<input value=b><p>b', (d) => (d.querySelector('input').value = 'mine'), 'morph', (d) => d.querySelector('input').value === 'mine' && d.querySelector('input').defaultValue === 'b'],
    ['nothing typed', '<input value=a>', '<input value=b>', , 'morph', (d) => d.querySelector('input').value === 'b'],
    ['typed text in a textarea', '<textarea>a</textarea>', '<textarea>b</textarea>', (d) => (d.querySelector('textarea').value = 'mine'), 'morph', (d) => d.querySelector('textarea').value === 'mine'],
    ['a textarea', '<textarea>a</textarea>', '<textarea>b</textarea>', , 'morph', (d) => d.querySelector('textarea').value === 'b'],
    ['a chosen radio button', '<input type=radio name=r id=a checked><input type=radio name=r id=b><input type=radio name=r id=c>', '<input type=radio name=r id=a><input type=radio name=r id=b checked><input type=radio name=r id=c>', (d) => (d.querySelector('#c').checked = true), 'morph', (d) => d.querySelector('#c').checked],
    ['no chosen radio button', '<input type=radio name=r id=a checked><input type=radio name=r id=b>', '<input type=radio name=r id=a><input type=radio name=r id=b checked>', , 'morph', (d) => d.querySelector('#b').checked],
    ['a chosen option', '<select><option>a<option>b<option>c</select>', '<select><option>a<option selected>b<option>c<option>d</select>', (d) => (d.querySelector('select').selectedIndex = 2), 'morph', (d) => d.querySelector('select').value === 'c'],
    ['no chosen option', '<select><option>a<option>b</select>', '<select><option>a<option selected>b</select>', , 'morph', (d) => d.querySelector('select').value === 'b'],
    ['opened details', '<details><summary>a</summary>x</details><details><summary>b</summary>y</details><p>a</p>', '<details><summary>a</summary>x</details><details><summary>b</summary>y</details><p>b</p>', (d) => d.querySelectorAll('details').forEach((it) => (it.open = true)), 'morph', (d) => d.querySelectorAll('details[open]').length === 2],
    ['the content of opened details', '<details><summary>a</summary>x</details>', '<details><summary>a</summary>y</details>', (d) => (d.querySelector('details').open = true), 'morph', (d) => d.querySelector('details').open && d.querySelector('details').textContent === 'ay'],
    ['a selection', '<p>one two three</p>', '<p>one 2 three</p>', (d) => d.getSelection().setBaseAndExtent(d.querySelector('p').firstChild, 8, d.querySelector('p').firstChild, 13), 'morph', (d) => d.getSelection().toString() === 'three'],
    ['focus, while its siblings move', '<p>a</p><input id=i><p>c</p>', '<h1>x</h1><p>c</p><section>y</section><input id=i><p>a</p>', (d) => d.querySelector('input').focus(), 'morph', (d) => d.activeElement === d.querySelector('input')],
    ['a frame', '<iframe srcdoc=a></iframe><p>a</p>', '<h1>x</h1><iframe srcdoc=a></iframe><p>b</p>', (d) => (d.kept = d.querySelector('iframe').contentWindow.kept = {}), 'morph', (d) => d.querySelector('iframe').contentWindow.kept === d.kept],
    ['a frame with another document', '<iframe srcdoc=a></iframe>', '<iframe srcdoc=b></iframe>', (d) => (d.kept = d.querySelector('iframe')), 'morph', (d) => d.querySelector('iframe') !== d.kept],
    ['a form with a field called id', '<form><input name=id></form><p>a</p>', '<form><input name=id></form><p>b</p>', , 'morph'],
  ];
  const frame = document.body.appendChild(document.createElement('iframe'));
  const wrong = [];
  for (const [name, before, after, happened, wanted, then, bare] of cases) {
    const doctype = bare ? '' : '<!doctype html>';
    // A srcdoc document is never in quirks mode: only its doctype counts here.
    await new Promise((loaded) => {
      frame.onload = loaded;
      frame.srcdoc = doctype + before;
    });
    const window = frame.contentWindow;
    await happened?.(window.document);
    const was = window.document.documentElement.outerHTML;
    let how;
    try {
      ({ how } = patch(window, doctype + before, doctype + after));
    } catch (error) {
      how = error.message;
      if (window.document.documentElement.outerHTML !== was) wrong.push(`${name}: changed the page, then refused: ${how}`);
    }
    if (how !== wanted) wrong.push(`${name}: ${how}, not ${wanted}`);
    else if (then && !then(window.document)) wrong.push(`${name}: ${window.document.documentElement.outerHTML}`);
  }
  frame.remove();
  return wrong;
}
