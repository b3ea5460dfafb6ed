// @ts-check
// Passkeys: a form that needs one asks the browser for it when it is sent, and carries what the browser signed in its field `passkey`, or in its fields
// `proof_…` where it is a verdict. The server checks it. Writes text and `hidden` only.
'use strict';
(() => {
  /** What went wrong, where the browser does not say it in words of ours. */
  /** @type {Record<string, string>} */
  const FAULTS = {
    NotAllowedError: 'No passkey was used: it was cancelled, or the time was over. Try again.',
    InvalidStateError: 'This device already has a passkey for you here. Sign in with it, or use another device.',
    SecurityError:
      'The browser uses no passkeys at this address. Open the page by the name of the server, over https, or by http://localhost.',
  };
  /** @param {HTMLFormElement} form @param {string} text */
  const tell = (form, text) => {
    const line = /** @type {HTMLElement | null} */ (form.querySelector('[data-passkey-fault]'));
    if (!line) return;
    line.textContent = text;
    line.hidden = text === '';
  };

  /** @param {HTMLFormElement} form @param {HTMLInputElement} field */
  const sign = async (form, field) => {
    const { passkey = '', passkeyOptions = '{}' } = form.dataset;
    const options = JSON.parse(passkeyOptions);
    const credential = /** @type {PublicKeyCredential | null} */ (
      passkey === 'create'
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
    );
    field.value = JSON.stringify(credential?.toJSON());
    form.submit();
  };

  const isSupported = 'PublicKeyCredential' in window && 'parseCreationOptionsFromJSON' in PublicKeyCredential;
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll('form[data-passkey-options]'))) {
    const field = /** @type {HTMLInputElement | null} */ (form.querySelector('input[name=passkey]'));
    if (!field) continue;
    for (const button of form.querySelectorAll('button')) button.hidden = !isSupported;
    if (!isSupported) tell(form, 'This browser has no passkeys. Use a newer one.');
    let isSigning = false;
    // before anything else notes that the form was sent
    form.addEventListener(
      'submit',
      (event) => {
        event.preventDefault();
        event.stopPropagation();
        if (isSigning) return;
        isSigning = true;
        tell(form, '');
        sign(form, field).catch((/** @type {unknown} */ error) => {
          isSigning = false;
          tell(
            form,
            FAULTS[error instanceof Error ? error.name : ''] ?? 'The passkey could not be used. Load the page again, and try once more.',
          );
        });
      },
      true,
    );
  }

  /** @param {HTMLFormElement} form @param {string} name */
  const fieldOf = (form, name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  /** Signs exactly this verdict: the server says what there is to sign. @param {HTMLFormElement} form @param {string} value */
  const signVerdict = async (form, value) => {
    const [digest, version, reason] = ['digest', 'version', 'reason'].map((name) => fieldOf(form, name).value);
    const edit = /** @type {HTMLInputElement | null} */ (form.elements.namedItem('edit'));
    // what is signed says all of the grant that the form makes
    const grant = Object.fromEntries(
      [...new FormData(form)].flatMap(([name, value]) => (/^grant(?:_|$)/.test(name) && typeof value === 'string' ? [[name, value]] : [])),
    );
    const answer = await fetch(form.dataset.challenge ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        verdict: value,
        digest,
        version: Number(version),
        ...(reason?.trim() && { reason }),
        ...(edit && { edit: JSON.parse(edit.value) }),
        ...(grant.grant === 'on' && { grant_form: grant }),
      }),
    });
    const asked = await answer.json();
    if (!answer.ok) {
      tell(form, String(asked.message ?? 'The verdict could not be signed. Load the page again.'));
      return false;
    }
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key);
    const credential = /** @type {PublicKeyCredential | null} */ (await navigator.credentials.get({ publicKey }));
    const { id, response } = /** @type {{ id: string, response: Record<string, string> }} */ (
      /** @type {unknown} */ (/** @type {PublicKeyCredential} */ (credential).toJSON())
    );
    fieldOf(form, 'proof_credential').value = id;
    fieldOf(form, 'proof_nonce').value = asked.nonce;
    fieldOf(form, 'proof_client_data').value = response.clientDataJSON ?? '';
    fieldOf(form, 'proof_authenticator_data').value = response.authenticatorData ?? '';
    fieldOf(form, 'proof_signature').value = response.signature ?? '';
    // a form that a script sends has no button that was pressed
    const verdict = /** @type {HTMLInputElement} */ (form.querySelector('input[data-signed-verdict]'));
    verdict.disabled = false;
    verdict.value = value;
    form.submit();
    return true;
  };
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll('form[data-challenge]'))) {
    if (!isSupported) tell(form, 'This browser has no passkeys, so it can only deny. Use a newer one to approve.');
    let isSigning = false;
    form.addEventListener(
      'submit',
      (event) => {
        const value = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value ?? '';
        if (value !== 'approve' && value !== 'amend') return;
        event.preventDefault();
        event.stopPropagation();
        if (isSigning || !isSupported) return;
        isSigning = true;
        tell(form, '');
        void signVerdict(form, value)
          .catch((/** @type {unknown} */ error) => {
            tell(
              form,
              FAULTS[error instanceof Error ? error.name : ''] ?? 'The passkey could not be used. Load the page again, and try once more.',
            );
            return false;
          })
          // once it was sent, another press signs nothing
          .then((isSent) => (isSigning = isSent));
      },
      true,
    );
  }

  // a link with its secret behind the #: it goes to the server in the body of a form, and leaves the address
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[data-from-fragment]'))) {
    if (location.hash.length < 2) continue;
    input.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname + location.search);
  }
})();
