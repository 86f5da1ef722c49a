// Lengths of texts by implementations that are not ours: one JSON string a line in, one object a line out.
// Graphemes: ICU (Intl.Segmenter). X: twitter-text, the library that X itself publishes. Mastodon: its rule
// (docs.joinmastodon.org/user/posting/#text), put together from those two.

import { createRequire } from 'node:module'
import process from 'node:process'
import readline from 'node:readline'

const twitter = createRequire(import.meta.url)('twitter-text')
const segmenter = new Intl.Segmenter('uk', { granularity: 'grapheme' })
const graphemes = (text) => [...segmenter.segment(text)].length
const addresses = (text) => twitter.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: false })

function mastodon(text) {
  let rest = ''
  let last = 0
  for (const { indices } of addresses(text)) {
    rest += text.slice(last, indices[0]) + 'x'.repeat(23)
    last = indices[1]
  }
  rest += text.slice(last)
  return graphemes(rest.replace(/(?<![\w/])@([a-z0-9_]+)@[a-z0-9.-]+[a-z0-9]+/gi, '@$1'))
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const text = JSON.parse(line)
  const said = {
    graphemes: graphemes(text),
    utf16: text.length,
    bytes: Buffer.byteLength(text, 'utf8'),
    code_points: [...text].length,
    twitter: twitter.parseTweet(text).weightedLength,
    mastodon: mastodon(text),
    urls: addresses(text).map((one) => one.url),
  }
  process.stdout.write(JSON.stringify(said) + '\n')
}
