import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replaceMarked } from './document.ts'

const document = '# T\n\n<!-- table: begin -->\nold\n<!-- table: end -->\n\nrest\n'

test('replaces what is between the markers and keeps the rest', () => {
  const written = replaceMarked(document, 'table', 'new\n')
  assert.equal(written, '# T\n\n<!-- table: begin -->\n\nnew\n\n<!-- table: end -->\n\nrest\n')
})

test('writing the same content twice changes nothing', () => {
  const once = replaceMarked(document, 'table', 'new')
  assert.equal(replaceMarked(once, 'table', 'new'), once)
})

test('content is taken literally', () => {
  assert.match(replaceMarked(document, 'table', '$& $1'), /\n\$& \$1\n/)
})

test('refuses a document whose markers are missing, doubled or in the wrong order', () => {
  const wrong = ['', '<!-- table: begin -->', document + document]
  const reversed = '<!-- table: end --> <!-- table: begin -->'
  for (const each of [...wrong, reversed]) {
    assert.throws(() => replaceMarked(each, 'table', 'new'), /once each/)
  }
})
