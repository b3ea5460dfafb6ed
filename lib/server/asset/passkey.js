// @ts-check
// Passkeys: a form that needs one asks the browser for it when it is sent, and carries what the browser signed in its field `passkey`. The server checks
// it. Writes text and `hidden` only.
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
  // a link with its secret behind the #: it goes to the server in the body of a form, and leaves the address
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[data-from-fragment]'))) {
    if (location.hash.length < 2) continue;
    input.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname + location.search);
  }
})();
