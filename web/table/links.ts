// Addresses are made from ids of the right form only, never from text that came with the data.
import type { Cell } from "./columns";

export function studyUrl(nctId: Cell): string | null {
  return typeof nctId === "string" && /^NCT\d{8}$/.test(nctId)
    ? `https://clinicaltrials.gov/study/${nctId}`
    : null;
}

export function compoundUrl(cid: Cell): string | null {
  return isCid(cid) ? `https://pubchem.ncbi.nlm.nih.gov/compound/${cid}` : null;
}

export function pictureUrl(cid: Cell): string | null {
  return isCid(cid) ? `https://pubchem.ncbi.nlm.nih.gov/rest/pug/compound/cid/${cid}/PNG` : null;
}

function isCid(cid: Cell): cid is number {
  return typeof cid === "number" && Number.isSafeInteger(cid) && cid > 0;
}
