// What is wrong with the page as it is shown: cut or overlapping texts, weak contrast, lost pictures. Returns sentences.
(width, isDark) => {
  scrollTo(0, 0);
  const faults = new Set();
  const short = text => text.trim().replace(/\s+/g, " ").slice(0, 60);
  const numbers = colour => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    return [...parts.slice(0, 3).map(part => part * scale), parts[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map(at => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const luminance = colour => {
    const [red, green, blue] = colour.slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((first, second) => second - first);
    return (high + 0.05) / (low + 0.05);
  };
  const empty = document.body.appendChild(document.createElement("i"));
  empty.style.background = "Canvas";
  const canvas = numbers(getComputedStyle(empty).backgroundColor);
  empty.remove();
  const ground = element => {
    if (!element) return canvas;
    const own = numbers(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  const filled = (style) => {
    const fill = style.fill === "none" ? [0, 0, 0, 0] : numbers(style.fill);
    return [...fill.slice(0, 3), fill[3] * style.fillOpacity * style.opacity];
  };
  // Shapes that lie below a text of a drawing, from the lowest.
  const groundInDrawing = (text, box) => {
    const stack = document.elementsFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    const shapes = stack.slice(stack.indexOf(text) + 1).filter(one => one instanceof SVGGeometryElement);
    return shapes.reverse().reduce((below, one) => over(filled(getComputedStyle(one)), below), ground(text.closest("svg")));
  };
  const opacity = element => element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;

  // The part of a box that can be seen, or scrolled to; null where something cuts it off.
  const shown = (box, element) => {
    let visible = {left: box.left, right: box.right, top: box.top, bottom: box.bottom};
    for (let one = element; one && one !== document.documentElement; one = one.parentElement) {
      const style = getComputedStyle(one), edge = one.getBoundingClientRect();
      const isDrawing = one instanceof SVGSVGElement;
      for (const [overflow, start, end] of [[style.overflowX, "left", "right"], [style.overflowY, "top", "bottom"]]) {
        if (!isDrawing && overflow === "visible") continue;
        if (!isDrawing && (overflow === "auto" || overflow === "scroll")) {
          visible = {...visible, [start]: Math.max(visible[start], edge[start]), [end]: Math.min(visible[end], edge[end])};
        } else if (box[start] < edge[start] - 1 || box[end] > edge[end] + 1) return null;
      }
    }
    const isInside = visible.left >= -1 && visible.right <= width + 1 && visible.top >= -1;
    return isInside || visible.left >= visible.right ? visible : null;
  };

  const details = [...document.querySelectorAll("details:not([open])")];
  details.forEach(one => { one.open = true; });
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({visibilityProperty: true})) continue;
    if (element.closest("style, script, title, [aria-hidden=true]:not(svg)")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) continue;
      const visible = shown(box, element);
      if (!visible) faults.add(`cut off: "${short(node.data)}"`);
      else if (visible.left < visible.right && visible.top < visible.bottom) boxes.push([visible, node]);
    }
    const style = getComputedStyle(element), isDrawn = element instanceof SVGElement;
    const below = isDrawn ? groundInDrawing(element, element.getBoundingClientRect()) : ground(element);
    const ink = numbers(isDrawn ? style.fill : style.color);
    const shade = over([...ink.slice(0, 3), ink[3] * opacity(element)], below);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const isSign = !/[\p{L}\p{N}]/u.test(node.data);
    const ratio = contrast(shade, below);
    if (ratio < (isLarge || isSign ? 3 : 4.5)) faults.add(`contrast ${ratio.toFixed(2)}: "${short(node.data)}"`);
  }
  boxes.sort((one, other) => one[0].top - other[0].top);
  boxes.forEach(([one, node], at) => {
    for (const [other, next] of boxes.slice(at + 1)) {
      if (other.top >= one.bottom) break;
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const least = Math.min(one.bottom - one.top, other.bottom - other.top);
      if (next !== node && width > 3 && height > 0.4 * least) {
        faults.add(`"${short(node.data)}" and "${short(next.data)}" overlap`);
      }
    }
  });
  for (const box of document.querySelectorAll("body *")) {
    const style = getComputedStyle(box), {width: wide, height: high} = box.getBoundingClientRect();
    if (!box.checkVisibility()) continue;
    if (/auto|scroll/.test(style.overflowX) && box.scrollWidth > box.clientWidth + 1 && box.tagName !== "INPUT") {
      faults.add(`scrolls sideways: "${short(box.textContent)}"`);
    }
    const colour = numbers(style.backgroundColor);
    if (box.childNodes.length || !colour[3] || wide < 3 || high < 3 || /INPUT|IMG|IFRAME/.test(box.tagName)) continue;
    const below = ground(box.parentElement), ratio = contrast(over(colour, below), below);
    if (ratio < 3) faults.add(`contrast ${ratio.toFixed(2)} of a mark: ${box.title || box.className}`);
  }
  for (const field of document.querySelectorAll("input, select, textarea")) {
    if (!field.checkVisibility() || field.closest("[aria-hidden=true]")) continue;
    const below = ground(field.parentElement), style = getComputedStyle(field);
    const edges = [numbers(style.borderTopColor), numbers(style.backgroundColor)].map(colour => over(colour, below));
    if (Math.max(...edges.map(colour => contrast(colour, below))) < 3) faults.add(`the edge of ${field.name} is hard to see`);
    const hint = contrast(numbers(style.color), over(numbers(style.backgroundColor), below));
    if (hint < 4.5) faults.add(`contrast ${hint.toFixed(2)} in the field ${field.name}`);
  }
  for (const picture of document.images) {
    if (!picture.naturalWidth) faults.add(`lost picture: ${picture.src.slice(0, 60)}`);
    if (!picture.alt) faults.add("a picture without words");
  }
  const {clientWidth, scrollWidth} = document.documentElement;
  if (clientWidth !== width) faults.add(`laid out for ${clientWidth} pixels`);
  if (scrollWidth > width) faults.add(`wider than the window: ${scrollWidth} of ${width} pixels`);
  if (isDark && luminance(ground(document.body)) > 0.25) faults.add("light, where the reader wants it dark");
  details.forEach(one => { one.open = false; });
  return [...faults];
}
