/**
 * Makes src/generated/wire.ts, the types of what the server sends, from its JSON Schemas.
 *
 *   node scripts/types.mjs           write the file
 *   node scripts/types.mjs --check   exit 1 if it is not the one that would be written
 *
 * The check compares digests, so it needs neither the generator nor the network.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SCHEMAS = join(HERE, '../../jupyter_envguard/schemas');
const TARGET = join(HERE, '../src/generated/wire.ts');
const STYLE = JSON.parse(readFileSync(join(HERE, '../.prettierrc.json'), 'utf8'));

const files = readdirSync(SCHEMAS)
  .filter(name => name.endsWith('.json'))
  .sort();

function digest(...parts) {
  const hash = createHash('sha256');
  parts.forEach(part => hash.update(createHash('sha256').update(part).digest()));
  return hash.digest('hex');
}

function sources() {
  const schemas = files.map(name => readFileSync(join(SCHEMAS, name)));
  return digest(readFileSync(fileURLToPath(import.meta.url)), ...schemas);
}

/** The first line names what the file was made from, the second what was made. */
function headed(body) {
  return `// Made by scripts/types.mjs from schemas ${sources()};\n// the rest is ${digest(body)}.\n${body}`;
}

function isCurrent() {
  let found;
  try {
    found = readFileSync(TARGET, 'utf8');
  } catch {
    return false;
  }
  const [, , ...body] = found.split('\n');
  return found === headed(body.join('\n'));
}

async function generate() {
  const { compile } = await import('json-schema-to-typescript');
  const properties = {};
  for (const name of files) {
    properties[JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8')).title] = { $ref: name };
  }
  const documents = {
    type: 'object',
    description: 'Every document that goes over the wire, by its title.',
    properties,
    required: Object.keys(properties),
    additionalProperties: false
  };
  return compile(documents, 'Wire', {
    bannerComment: '',
    cwd: `${SCHEMAS}/`,
    ignoreMinAndMaxItems: true,
    style: STYLE,
    unreachableDefinitions: false
  });
}

if (process.argv.includes('--check')) {
  if (!isCurrent()) {
    console.error('src/generated/wire.ts does not belong to the schemas: npm run types');
    process.exit(1);
  }
} else {
  writeFileSync(TARGET, headed((await generate()).trimStart()));
}
