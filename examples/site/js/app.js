import { clock } from "./clock.js";

const face = document.querySelector("#clock");
clock((time) => {
  face.textContent = time;
});

document.querySelector("#loaded").textContent =
  `This page was loaded at ${new Date().toLocaleTimeString()}.`;
