// Shows the state of the GPUs, again at each change.
const show = async () => {
  const answer = await fetch("api/status");
  document.getElementById("status").textContent = JSON.stringify(await answer.json(), null, 2);
};
new EventSource("api/events").addEventListener("change", show);
show();
