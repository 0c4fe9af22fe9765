// What `make pdf` takes from a page of the site, once its figures are on paper (print.js): the article, its folded answers
// apart, so that all pages can stand in one document. `here` is the page's name, "notebooks/04_sampling", `pages` those of all.
async ({ here, pages }) => {
  const canonical = document.querySelector("link[rel=canonical]")?.href ?? location.href;
  const home = canonical.slice(0, canonical.length - `${here}.html`.length);
  const article = document.querySelector("article.bd-article");
  const name = (page, id = "") => [page.replaceAll(/[^\w]+/g, "-"), id].filter(Boolean).join("--");
  const all = (selector, root = article) => [...root.querySelectorAll(selector)];

  // Questions as they stand without JavaScript: on paper nothing is clicked.
  const still = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  for (const question of all(".question[id]")) question.replaceWith(still.getElementById(question.id));

  for (const place of all(".widget-figure")) {
    const sheet = place.querySelector(".fs-paper");
    const link = Object.assign(document.createElement("a"), { href: `${canonical}#${place.id}`, textContent: "Move this figure" });
    const line = document.createElement("p");
    line.className = "paper-live";
    line.append(link, ` on the page ${canonical}#${place.id}`);
    if (sheet) place.replaceChildren(sheet, line);
    else place.append(line);
  }
  for (const canvas of all("canvas")) {
    const picture = Object.assign(new Image(), { src: canvas.toDataURL(), className: canvas.className });
    picture.alt = canvas.getAttribute("aria-label") ?? "";
    picture.style.cssText = canvas.style.cssText;
    canvas.replaceWith(picture);
  }
  const styles = all("style", document).filter((style) => style.media !== "print").map((style) => style.textContent);
  all("script, style, noscript, button, iframe, .headerlink, .your-answers, details.hide, details.set-up, mjx-assistive-mml")
    .forEach((part) => part.remove());
  all("img").forEach((picture) => { picture.loading = "eager"; picture.src = picture.src; }); // the address in full

  // Folded answers go to the end of the book; where one was stands a link to it.
  const answers = all("details:not([open])").filter((fold) => !fold.parentElement.closest("details:not([open])")).map((fold, k) => {
    const owner = fold.closest(".question");
    const heading = [...all("h2, h3, h4")].filter((one) => one.compareDocumentPosition(fold) & Node.DOCUMENT_POSITION_FOLLOWING).at(-1);
    const from = name(here, `to-answer-${k}`);
    const to = name(here, `answer-${k}`);
    const told = (owner?.querySelector("strong, legend") ?? heading)?.cloneNode(true);
    if (told) all("a", told).forEach((inner) => inner.replaceWith(...inner.childNodes)); // it becomes a link itself
    if (told) all("[id]", told).forEach((part) => part.removeAttribute("id"));
    const link = Object.assign(document.createElement("a"), { id: `to-answer-${k}`, className: "paper-answer page-of" });
    link.textContent = /^\s*solution/i.test(fold.querySelector("summary")?.textContent) ? "Solution on page " : "Answer on page ";
    link.dataset.to = to;
    fold.replaceWith(link);
    fold.querySelector("summary")?.remove();
    all("details", fold).forEach((inner) => { inner.open = true; });
    return { from, to, told: told?.innerHTML ?? "", html: fold };
  });

  function adapt(root) { // names that are unique in the book, and links that hold in it
    for (const part of all("[id]", root)) part.id = name(here, part.id);
    for (const part of all("[for], [aria-labelledby], [aria-describedby]", root))
      for (const key of ["for", "aria-labelledby", "aria-describedby"])
        if (part.hasAttribute(key)) part.setAttribute(key, part.getAttribute(key).split(/\s+/).map((id) => name(here, id)).join(" "));
    for (const link of all("a[href]", root)) {
      const url = new URL(link.getAttribute("href"), location.href);
      const page = url.origin === location.origin ? url.pathname.slice(1).replace(/\.html$/, "") : null;
      if (pages.includes(page)) link.setAttribute("href", `#${name(page, decodeURIComponent(url.hash.slice(1)))}`);
      else if (page !== null && !link.closest(".paper-live")) link.setAttribute("href", home + url.pathname.slice(1) + url.search + url.hash);
    }
    for (const link of all("a[data-to]", root)) link.setAttribute("href", `#${link.dataset.to}`);
  }
  article.querySelector("#in-one-minute")?.classList.add("paper-minute"); // its name changes
  for (const heading of all("section[id] > :is(h1, h2, h3, h4):not([id])")) { // a section may begin on the sheet before
    heading.id = heading.parentElement.id;
    heading.parentElement.removeAttribute("id");
  }
  adapt(article);
  answers.forEach((answer) => { adapt(answer.html); answer.html = answer.html.innerHTML; });
  article.id = name(here);
  return {
    id: name(here), address: canonical, home, html: article.outerHTML, answers, styles,
    title: article.querySelector("h1").textContent,
    sections: all("section > h2").map((heading) => ({ id: heading.id, title: heading.textContent })),
    sheets: all("link[rel=stylesheet]", document).map((sheet) => [sheet.href, sheet.media]),
  };
}
