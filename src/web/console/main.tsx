import { render } from 'preact';
import '../shared/design.css';
import './console.css';
import { startLanguage } from '../shared/language.ts';
import { Console } from './console.tsx';
import { createVisit, VisitContext } from './visit.ts';

startLanguage();
const page = document.getElementById('page');
if (page !== null)
  render(
    <VisitContext.Provider value={createVisit()}>
      <Console />
    </VisitContext.Provider>,
    page,
  );
