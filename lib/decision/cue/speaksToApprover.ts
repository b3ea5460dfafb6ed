import { LruMap } from '../../common/LruMap.js';
import { seenAs } from '../../common/data/skeleton.js';

/** What only somebody says who wants to be approved: in lower case, without accents, as it would be read. */
const PHRASES: readonly RegExp[] = [
  /\bpre-? ?(?:approved|authori[sz]ed|cleared)\b/,
  /\b(?:already (?:been )?|has been |was |is )(?:approved|authori[sz]ed|signed off)\b/,
  /\b(?:approved|authori[sz]ed|cleared|signed off) by\b/,
  /\b(?:press|click|hit|choose|select|tap)(?: on)?(?: the)? ["'“‘<[]*(?:approve|allow)\b/,
  /\b(?:please|just|simply|must|should|safely) approve\b/,
  /\bapprove (?:this|it|immediately|now|at once|asap|without|right away)\b/,
  /\b(?:do not|don['’]?t|never|no need to) (?:deny|reject|refuse|decline|review) (?:this|it|the (?:call|request|action|approval))\b/,
  /\b(?:safe|ok|okay|fine) to approve\b/,
  /\bno (?:further |additional |manual |human )?(?:review|approval|confirmation) (?:is )?(?:needed|required|necessary)\b/,
  /\b(?:dear|attention|note to|note for|message to|message for|to the),? (?:the )?(?:approver|reviewer|human in the loop)s?\b/,
  /\bapprovers?:/,
  /\bsystem (?:notice|override)\b|[[<]system[\]>]/,
  /\b(?:bereits|vorab) (?:genehmigt|freigegeben)\b|\bbitte (?:genehmigen|freigeben)\b/,
  /\b(?:deja|pre-?) ?approuvee?s?\b|\bveuillez approuver\b/,
  /\b(?:ya|pre-?) ?aprobad[oa]s?\b|\bpor favor,? aprueb[ae]n?\b/,
  /已批准|已经批准|預先批准|预先批准|请批准|請批准|承認済み|承認して/,
];

/** One of these words is in each of them. */
const KEYWORD =
  /appro|authori|clear|signed off|allow|deny|reject|refus|declin|review|confirm|human|system|genehmig|freige|aprob|aprueb|批准|承認/;

/** Whether a text speaks to the person who decides, such as "pre-approved by Security" or "press Approve", also with letters that only look like these. */
export function speaksToApprover(text: string): boolean {
  if (text.length < LONG) return speaks(text);
  const known = ofLong.get(text) ?? speaks(text);
  ofLong.set(text, known);
  return known;
}

/** A page asks several times about the same text: what it says of long ones is remembered. */
const LONG = 4_096;
const ofLong = new LruMap<string, boolean>(4);

function speaks(text: string): boolean {
  const seen = seenAs(text.replace(/\s+/g, ' ')).toLowerCase();
  const read = /[^ -~]/.test(seen) ? seen.normalize('NFD').replace(/\p{M}/gu, '') : seen;
  return KEYWORD.test(read) && PHRASES.some((phrase) => phrase.test(read));
}
