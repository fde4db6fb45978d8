import 'uplot/dist/uPlot.min.css';
import './style/index.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { Session } from './session/session.ts';

const root = document.querySelector('#console');
if (root) render(<App session={new Session()} />, root);
