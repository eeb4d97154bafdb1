// What a machine can judge of a page; one complaint a line, nothing where all is well.
const judge = (page, phone) => {
  const view = page.defaultView, root = page.documentElement, said = [];
  const all = (selector) => [...page.querySelectorAll(selector)];
  const name = (element) => `<${element.tagName.toLowerCase()}> "${element.textContent.trim().slice(0, 40)}"`;

  // What a screen reader begins with.
  if (root.lang !== 'en') said.push('the page has no language');
  if (!page.title.trim()) said.push('the page has no title');
  for (const only of ['h1', 'main']) {
    if (all(only).length !== 1) said.push(`${all(only).length} times <${only}>`);
  }
  const levels = all('h1,h2,h3,h4').map((heading) => Number(heading.tagName[1]));
  if (levels.some((level, at) => level > (levels[at - 1] ?? 0) + 1)) said.push(`headings ${levels}`);
  for (const image of all('img')) {
    if (!image.hasAttribute('alt')) said.push('an image without alt');
    if (!image.complete || !image.naturalWidth) said.push('an image that is not shown');
  }
  const ids = all('[id]').map((element) => element.id);
  if (new Set(ids).size !== ids.length) said.push('an id that stands there twice');
  for (const script of all('script,iframe,link:not([rel=icon])')) said.push(`there is a ${name(script)}`);

  // Nothing is cut off, and nothing is wider than the screen.
  for (const box of [root, ...all('main,li,dt,dd,.way')]) {
    if (box.scrollWidth > box.clientWidth + 1 && view.getComputedStyle(box).display !== 'inline') {
      said.push(`${name(box)} is wider than its place`);
    }
  }

  // Contrast, by WCAG 2.
  const parse = (text) => {
    const scale = text.startsWith('color(') ? 255 : 1;
    const [r, g, b, a = 1] = text.match(/[\d.]+(e-?\d+)?/g).map(Number);
    return { parts: [r, g, b].map((part) => part * scale), a };
  };
  const luminance = ({ parts }) => {
    const [r, g, b] = parts.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(view.getComputedStyle(at).backgroundColor);
      if (color.a === 1) return color;
      if (color.a !== 0) said.push(`${name(at)} is half transparent`);
    }
    said.push('the page has no ground');
    return parse('rgb(255, 255, 255)');
  };
  const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || element.tagName === 'STYLE') continue;
    const style = view.getComputedStyle(element);
    const ratio = contrast(parse(style.color), ground(element));
    if (ratio < 4.5) said.push(`${name(element)} has a contrast of ${ratio.toFixed(2)}`);
    if (parseFloat(style.fontSize) < 13) said.push(`${name(element)} is small: ${style.fontSize}`);
  }
  for (const button of all('.way')) {
    const style = view.getComputedStyle(button), card = ground(button.parentElement);
    const edge = parseFloat(style.borderTopWidth) > 0 ? contrast(parse(style.borderTopColor), card) : 1;
    if (Math.max(edge, contrast(ground(button), card)) < 3) said.push(`${name(button)} is not seen as a button`);
  }

  // What is pressed is large enough, by a finger too; but for links within a sentence.
  for (const target of all('a[href],button,summary')) {
    if (!target.checkVisibility()) continue;
    const within = target.closest('p:not(.ways)') && !target.matches('.way');
    const { height, width } = (target.closest('ul.apps li') ?? target).getBoundingClientRect();
    const least = phone && !within ? 43.5 : 23.5;
    if (height < least || width < least) said.push(`${name(target)} is ${width} by ${height}`);
  }
  return said.join('\n');
};
