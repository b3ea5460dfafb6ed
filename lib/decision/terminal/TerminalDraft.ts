import { revealText } from '../../common/data/reveal.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { GrantInput } from '../../model/terms/Grant.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { editableIn } from '../amend/editablePointers.js';
import type { ParamsEdit } from '../amend/ParamsEdit.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { describeApproval } from '../desk/describeApproval.js';
import type { EditPreview } from '../desk/DeskVerdicts.js';
import { noGrants } from '../desk/verdict.js';
import { ceilingOf } from '../grant/draftGrant.js';
import { durationText, grantLines } from './grantLines.js';
import { editLines, typedEdit } from './typedEdit.js';
import { typedGrant } from './typedGrant.js';

const TYPED_CHARACTERS = 4;
const COMMAND = /^\s*(set|remove|grant|loosen|undo)(?:\s+([^]*))?$/i;
const EVERY_USER = /\s*;\s*every user\s*$/i;

/** A place with its new value, as a person typed it. */
interface TypedPlace {
  readonly at: string;
  readonly text: string;
}

/**
 * What a person at a terminal makes of an approval before they answer: the call as it is, an edit of it, or a grant for later calls like it. It records
 * nothing until they have typed the code of exactly that.
 */
export class TerminalDraft {
  readonly record: ApprovalRecord;
  readonly #desk: ApprovalDesk;
  readonly #by: string;
  #set: readonly TypedPlace[] = [];
  #remove: readonly string[] = [];
  #preview: EditPreview | undefined;
  #grant: GrantInput | undefined;
  /** As it was typed: terms that are loosened later are added to it. */
  #granted = '';
  #loosened: readonly string[] = [];

  constructor(desk: ApprovalDesk, by: string, record: ApprovalRecord) {
    this.#desk = desk;
    this.#by = by;
    this.record = record;
  }

  /** What has to be typed for a yes: it shows that what would run was looked at. */
  get code(): string {
    const { digest, hidden } = this.#shown;
    return `${digest.slice(0, TYPED_CHARACTERS)}${hidden === 0 ? '' : ` ${hidden}`}`;
  }

  /** The question that ends what is shown. */
  get question(): string {
    const note = this.#shown.hidden === 0 ? '' : ', with how many values are hidden from you';
    const what = this.#onlySaves === undefined ? 'approve' : 'save the edit';
    return `Type ${this.code} to ${what}${note}, anything else to refuse [No]: `;
  }

  /** The approval as it would be approved, one item a line, and what can be done about it. */
  get lines(): readonly string[] {
    return [...describeApproval(this.#preview?.approval ?? this.record), ...this.#offers];
  }

  /**
   * Does what a line asks for.
   *
   * @returns what to show of it, one item a line; `undefined` where the line asks for nothing: then it is an answer
   * @throws AegisError saying what is wrong; then nothing was changed
   */
  async take(line: string): Promise<readonly string[] | undefined> {
    const [, word = '', text = ''] = COMMAND.exec(line) ?? [];
    switch (word.toLowerCase()) {
      case 'set':
        return this.#edit(without(this.#set, placeIn(text)).concat({ at: placeIn(text), text }), without(this.#remove, placeIn(text)));
      case 'remove':
        return this.#edit(without(this.#set, text.trim()), without(this.#remove, text.trim()).concat(text.trim()));
      case 'grant':
        return this.#propose(text, this.#loosened);
      case 'loosen':
        return this.#propose(this.#granted, without(this.#loosened, placeIn(text)).concat(text.trim()));
      case 'undo':
        return this.#undo();
      default:
        return undefined;
    }
  }

  /** Records the answer. @throws VerdictError */
  async answer(yes: boolean): Promise<string> {
    const { decisionId, digest } = this.record;
    const given = { by: this.#by, digest };
    if (!yes) {
      await this.#desk.deny(decisionId, { ...given, reason: 'refused at the terminal' });
      return 'Refused.';
    }
    const edit = this.#preview && { ...this.#typedEdit(), editedDigest: this.#preview.digest, asking: this.#preview.asking };
    if (this.#onlySaves !== undefined) {
      await this.#desk.amend(decisionId, { ...given, ...edit });
      return 'The edit is saved. The call waits for somebody else to approve it.';
    }
    const acknowledgeHidden = this.#shown.hidden;
    const { status } = await this.#desk.approve(decisionId, { ...given, acknowledgeHidden, edit, grant: this.#grant });
    if (status === 'pending') return 'Your yes is recorded. The call waits for other people.';
    return this.#grant === undefined ? 'Approved.' : 'Approved, and the grant is made.';
  }

  get #shown(): { readonly digest: string; readonly hidden: number } {
    const record = this.#preview?.approval ?? this.record;
    return { digest: record.digest, hidden: hiddenFromApprover(record).length };
  }

  /** Why the person may save the edit, and not approve it. */
  get #onlySaves(): string | undefined {
    return this.#preview?.standing.why?.message;
  }

  get #offers(): readonly string[] {
    if (this.#preview !== undefined) return ['To go back  type undo'];
    const editable = editableIn(this.record);
    const ceiling = this.#desk.grants === undefined ? '' : ceilingOf(this.record);
    return [
      ...(editable.length === 0
        ? []
        : [`To edit   type set /place=value or remove /place, of ${editable.map((at) => revealText(at)).join(', ')}`]),
      ...(typeof ceiling === 'string'
        ? []
        : [`To grant  type grant 1 use; 1h for later calls like this one too: up to ${ceiling.uses} uses, ${durationText(ceiling.forMs)}`]),
    ];
  }

  #typedEdit(): ParamsEdit {
    const view = { params: this.record.params, editable: editableIn(this.record) };
    return typedEdit({ set: this.#set.map(({ text }) => text), remove: this.#remove }, view, { prefix: '', refuse: this.#refuse('edit') });
  }

  async #edit(set: readonly TypedPlace[], remove: readonly string[]): Promise<readonly string[]> {
    if (this.#grant !== undefined)
      return this.#refuse('edit')('A yes to an edited call counts for that call alone. Type undo to leave the grant out, then edit.');
    const before = [this.#set, this.#remove] as const;
    [this.#set, this.#remove] = [set, remove];
    try {
      const { decisionId, digest } = this.record;
      this.#preview = await this.#desk.previewEdit(decisionId, { by: this.#by, digest, ...this.#typedEdit() });
    } catch (error) {
      [this.#set, this.#remove] = before;
      throw error;
    }
    const why = this.#onlySaves;
    return [...this.lines, ...editLines(this.#preview), ...(why === undefined ? [] : [`You only save the edit: ${revealText(why)}`])];
  }

  async #propose(text: string, loosened: readonly string[]): Promise<readonly string[]> {
    const refuse = this.#refuse('grant');
    const { decisionId, policies } = this.record;
    if (this.#preview !== undefined)
      return refuse('A yes to an edited call counts for that call alone. Type undo to leave the edit out, then grant.');
    if (text === '') return refuse('Say first how many calls and for how long, such as: grant 10 uses; 8h');
    const typed = { grant: text.replace(EVERY_USER, ''), loosen: loosened, anyRequester: EVERY_USER.test(text) };
    const grant = typedGrant(typed, { prefix: '', refuse });
    const grants = await this.#desk.grants?.get();
    if (grants === undefined) throw noGrants(decisionId);
    const { uses, forMs, ...loosening } = grant;
    const proposal = await grants.propose(decisionId, loosening);
    // as where the grant is made: within what the policies allow
    await grants.digestOf(this.record, grant);
    [this.#grant, this.#granted, this.#loosened] = [grant, text, loosened];
    return [
      ...grantLines({ uses, forMs, ...loosening }, proposal, policies),
      'To go back  type undo; to loosen a value  loosen /amount=0..100',
    ];
  }

  #undo(): readonly string[] {
    [this.#set, this.#remove, this.#preview] = [[], [], undefined];
    [this.#grant, this.#granted, this.#loosened] = [undefined, '', []];
    return this.lines;
  }

  #refuse(what: 'edit' | 'grant'): (message: string) => never {
    return (message) => {
      throw new VerdictError(400, `invalid_${what}`, this.record.decisionId, message);
    };
  }
}

function placeIn(text: string): string {
  return text.split('=', 1)[0] as string;
}

/** Without what was typed before about the same place. */
function without<T extends TypedPlace | string>(typed: readonly T[], at: string): T[] {
  return typed.filter((one) => placeIn(typeof one === 'string' ? one : one.at) !== at);
}
