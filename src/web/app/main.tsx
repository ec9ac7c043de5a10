import { render } from 'preact';
import { webStore } from '../../client/index.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { startLanguage } from '../shared/language.ts';
import '../shared/design.css';
import { NarrowPage } from '../shared/layout.tsx';
import { AppProblem } from './app-problem.tsx';
import './app.css';
import { AppPage } from './app.tsx';

startLanguage();
const page = document.getElementById('page');
if (page !== null) render(storageWorks() ? <AppPage store={webStore(localStorage)} /> : <NoStorage />, page);

/** It can be switched off; reading `localStorage` alone then throws. */
function storageWorks(): boolean {
  try {
    sessionStorage.setItem('porchlight-try', '');
    localStorage.setItem('porchlight-try', '');
    localStorage.removeItem('porchlight-try');
    return true;
  } catch {
    return false;
  }
}

function NoStorage(): preact.JSX.Element {
  return (
    <NarrowPage>
      <AppProblem problem={new Problem('storage-off', 'this browser stores nothing for the page')} />
    </NarrowPage>
  );
}
