// A button beside each command that copies it. A plain script: the page and the guide use it alike.
"use strict";

(() => {
  // Without TLS there is no clipboard to write to: then the old way, by what is selected.
  const copy = async (node) => {
    try {
      await navigator.clipboard.writeText(node.textContent);
      return true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(node);
      window.getSelection().removeAllRanges();
      window.getSelection().addRange(range);
      const done = document.execCommand("copy");
      if (done) window.getSelection().removeAllRanges();
      return done;
    }
  };

  for (const code of document.querySelectorAll("pre.command > code")) {
    const button = document.createElement("button");
    let timer = 0;

    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${code.textContent}`);
    button.addEventListener("click", async () => {
      const done = await copy(code);
      button.textContent = done ? "Copied" : "Selected";
      clearTimeout(timer);
      timer = setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    // A long command scrolls: the keyboard must be able to reach it.
    code.parentNode.tabIndex = 0;
    code.parentNode.after(button);
  }
})();
