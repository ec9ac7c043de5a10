import { render } from 'preact';
import { startLanguage } from '../shared/language.ts';
import '../shared/design.css';
import { NarrowPage } from '../shared/layout.tsx';

startLanguage();
const page = document.getElementById('page');
if (page !== null) render(<NarrowPage>…</NarrowPage>, page);
