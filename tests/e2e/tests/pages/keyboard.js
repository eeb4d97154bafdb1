// Where the focus is: the number of the control among all of the page, and whether
// that is seen.
const controls = [...document.querySelectorAll('a[href],button,summary,input,[tabindex="0"]')];
const focused = document.activeElement;
const ringed = [null, '::after'].some((part) => {
  const style = getComputedStyle(focused, part);
  return style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2;
});
return `${controls.indexOf(focused)} of ${controls.length}${ringed ? '' : ', unseen'}`;
