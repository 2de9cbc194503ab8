// Exchanges the secret of an address for a cookie. The secret stands behind the address' #, which
// browsers send nowhere, and leaves the address at once.

const word = document.getElementById("word");
const what = document.getElementById("what");
const secret = location.hash.slice(1);
const entering = location.pathname === "/enter";
const onward = entering ? "/" : location.pathname + location.search;

function locked(title, help) {
  word.textContent = title;
  what.textContent = help;
}

async function known() {
  const answer = await fetch("/right");
  return answer.ok;
}

async function enter() {
  history.replaceState(null, "", location.pathname + location.search);
  if (secret) {
    const answer = await fetch("/enter", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ secret }),
    });
    if (answer.ok) return location.replace(onward);
    // A browser that was let in before needs no other address.
    if (await known()) return location.replace(onward);
    return locked("This address does not open the page", (await answer.text()).trim());
  }
  if (await known()) return location.replace(onward);
  locked(
    "This page is locked",
    "Open the address that `score` printed, or a link made with `score page link`.",
  );
}

enter().catch(() => locked("The program does not answer", "Is `score` still running?"));
