"use strict";
// Where there is little room the claims come without their reasons, which a tap brings.
if (matchMedia("(max-width: 46rem)").matches) document.querySelectorAll(".why details").forEach((each) => { each.open = false; });
