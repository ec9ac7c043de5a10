// Loaded before everything else (`node --require`): says in words that this Node is too old, before npm has installed half
// of what is needed and anything else fails in other words. In the language of 2009, so that any Node can read it.
'use strict';
// oxlint-disable unicorn/prefer-node-protocol -- which Node 12 does not know
var fs = require('fs');
var path = require('path');

var manifest = path.join(__dirname, '../../package.json');
var wanted = JSON.parse(fs.readFileSync(manifest, 'utf8')).engines.node;

/** Is `version` (`v20.19.0`) in `range` (`^20.19.0 || >=22.12.0`)? These two forms are all that package.json uses. */
function fits(version, range) {
  return range.split('||').some(function (part) {
    var match = /^\s*(\^|>=)\s*(\d+)\.(\d+)\.(\d+)\s*$/.exec(part);
    if (match === null) throw new Error('package.json, engines: ' + part + ' is not understood');
    var least = match.slice(2).map(Number);
    var have = version.replace(/^v/, '').split('.').map(Number);
    if (match[1] === '^' && have[0] !== least[0]) return false;
    for (var at = 0; at < 3; at++) if (have[at] !== least[at]) return have[at] > least[at];
    return true;
  });
}

/** What there is, what is needed, and how to come by it; nothing when `version` will do. */
function complaint(version, program, range) {
  if (fits(version, range)) return undefined;
  var needed = range
    .replace(/\^(\d+)(\S*)/g, '$1 (from $1$2 on)')
    .replace(/>=(\S+)/g, '$1 or newer')
    .replace(/\s*\|\|\s*/g, ', or ');
  return [
    'This is Node ' + version.replace(/^v/, '') + ' (' + program + '); Porchlight needs Node ' + needed + '.',
    'Nothing was installed. To get a newer one, any of:',
    '  Debian 13 or newer:  apt install nodejs npm',
    '  Debian packages:     https://deb.nodesource.com',
    '  nvm:                 nvm install   (reads .nvmrc)',
    '  by hand:             https://nodejs.org/en/download',
    'Then run the same command again.',
  ].join('\n');
}

module.exports = { complaint: complaint, fits: fits };

// As a part of something else (a test) it only answers.
if (module.parent && module.parent.id === 'internal/preload') refuse();

function refuse() {
  var said = complaint(process.version, process.execPath, wanted);
  if (said === undefined) return;
  process.stderr.write(said + '\n');
  process.exit(1);
}
