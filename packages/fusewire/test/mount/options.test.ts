import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MountError } from '../../src/mount/errors.js'
import { helperOptions } from '../../src/mount/fusermount.js'
import { editDistance, nearest } from '../../src/mount/nearest.js'
import {
  escapeOptionValue,
  formatOptionString,
  parseOptionString,
  splitOptionString,
} from '../../src/mount/option-string.js'
import {
  checkOptions,
  type MountOptions,
  OPTION_KEYS,
  OPTION_RULES,
  type OptionKey,
} from '../../src/mount/options.js'

function refusal(run: () => unknown): MountError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof MountError, String(error))
    assert.equal(error.code, 'EINVAL')
    assert.equal(error.step, 'options')
    return error
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' })
}

describe('typed options', () => {
  test('defaults', () => {
    const { allowOther, nosuid, nodev, method, device, rootType, timeout } = checkOptions({})
    const expected = { nosuid: true, nodev: true, method: 'auto', device: '/dev/fuse', rootType: 'directory' }
    assert.deepEqual({ nosuid, nodev, method, device, rootType }, expected)
    assert.equal(allowOther, false)
    assert.equal(timeout, 10_000)
  })

  test('undefined counts as absent, and allowRoot lets the kernel allow all', () => {
    assert.equal(checkOptions({ nosuid: undefined } as unknown as MountOptions).nosuid, true)
    assert.equal(checkOptions({ allowRoot: true }).allowOther, true)
    assert.equal(checkOptions({ allowRoot: true, allowOther: false }).allowOther, true)
  })

  test('an unknown option names the nearest one', () => {
    const cases: [string, string][] = [
      ['allowother', 'allowOther'],
      ['fsName', 'fsname'],
      ['read_only', 'readOnly'],
      ['maxread', 'maxRead'],
      ['rootTyp', 'rootType'],
    ]
    for (const [wrong, right] of cases) {
      const error = refusal(() => checkOptions({ [wrong]: true } as MountOptions))
      assert.match(error.message, new RegExp(`unknown mount option '${wrong}'.*did you mean '${right}'`))
    }
    assert.match(
      refusal(() => checkOptions({ zzzzzzzzzz: 1 } as MountOptions)).message,
      /known are: fsname, subtype/,
    )
    assert.match(
      refusal(() => checkOptions({ constructor: 1 } as never)).message,
      /unknown mount option 'constructor'/,
    )
  })

  const wrong: [OptionKey, unknown, RegExp][] = [
    ['maxRead', 4095, /'maxRead' cannot be 4095.*an integer from 4096 to 4294967295/],
    ['maxRead', 2 ** 32, /an integer from 4096 to 4294967295/],
    ['maxRead', 5000.5, /cannot be 5000.5/],
    ['maxRead', Number.NaN, /cannot be NaN/],
    ['maxRead', '65536', /cannot be "65536"/],
    ['readOnly', 1, /'readOnly' cannot be 1.*true or false/],
    ['fsname', '', /'fsname' cannot be "".*1 to 4095 bytes/],
    ['fsname', 'a\0b', /without NUL/],
    ['fsname', 'x'.repeat(4096), /1 to 4095 bytes/],
    ['subtype', '\u00e9'.repeat(128), /1 to 255 bytes/],
    ['device', 'fuse', /an absolute path/],
    ['method', 'magic', /'auto', 'fsmount', 'mount', 'fusermount3'/],
    ['rootType', 'link', /'directory', 'file'/],
    ['timeout', 0, /an integer from 1 to 3600000/],
    ['timeout', null, /cannot be null/],
    ['stack', {}, /cannot be an object/],
    ['allowOther', [], /cannot be an array/],
  ]
  for (const [key, value, message] of wrong) {
    test(`${key} = ${JSON.stringify(value)?.slice(0, 40)} is refused by name, value and range`, () => {
      assert.match(refusal(() => checkOptions({ [key]: value })).message, message)
    })
  }

  test('autoUnmount goes with the helper only', () => {
    assert.match(
      refusal(() => checkOptions({ autoUnmount: true, method: 'mount' })).message,
      /autoUnmount cannot go with/,
    )
    assert.equal(checkOptions({ autoUnmount: true, method: 'fusermount3' }).autoUnmount, true)
  })

  test('options that are no object', () => {
    for (const value of [null, [], 'ro', 7]) refusal(() => checkOptions(value as never))
  })
})

describe('-o strings', () => {
  test('as mount(8) spells them', () => {
    assert.deepEqual(
      parseOptionString('ro,nosuid,dev,noatime,allow_other,max_read=65536,fsname=a\\,b,,subtype=x'),
      {
        readOnly: true,
        nosuid: true,
        nodev: false,
        noatime: true,
        allowOther: true,
        maxRead: 65536,
        fsname: 'a,b',
        subtype: 'x',
      },
    )
    assert.deepEqual(parseOptionString(''), {})
  })

  test('of an option given twice the last counts', () => {
    assert.deepEqual(parseOptionString('ro,rw,fsname=a,fsname=b'), { readOnly: false, fsname: 'b' })
  })

  test('what only fstab and mount(8) need is taken and means nothing', () => {
    assert.deepEqual(
      parseOptionString('defaults,noauto,strictatime,lazytime,user=joe,_netdev,x-systemd.automount,nonempty'),
      {},
    )
  })

  test('backslashes: before a comma, a backslash, octal digits, anything, and at the end', () => {
    assert.deepEqual(splitOptionString('a\\,b,c\\\\d,e\\054f,g\\h,i\\'), ['a,b', 'c\\d', 'e,f', 'gh', 'i\\'])
    assert.deepEqual(splitOptionString('\\303\\251,\\400'), ['\u00e9', '400'])
  })

  test('errors name the word as it was written', () => {
    assert.match(
      refusal(() => parseOptionString('alow_other')).message,
      /'alow_other'.*did you mean 'allow_other'/,
    )
    assert.match(refusal(() => parseOptionString('max_read=abc')).message, /'max_read' cannot be "abc"/)
    assert.match(refusal(() => parseOptionString('max_read=12')).message, /'max_read' cannot be 12/)
    assert.match(refusal(() => parseOptionString('fsname')).message, /'fsname' stands alone/)
    assert.match(refusal(() => parseOptionString('ro=1')).message, /'ro' cannot be '1'/)
    refusal(() => parseOptionString('timeout=5'))
  })

  test("a filesystem's own words go to it", () => {
    const own: [string, string | undefined][] = []
    const options = parseOptionString('size=1G,ro,verbose', (word, value) => own.push([word, value]) > 0)
    assert.deepEqual(options, { readOnly: true })
    assert.deepEqual(own, [
      ['size', '1G'],
      ['verbose', undefined],
    ])
  })

  test('round trip: every set of options that -o can spell', () => {
    fc.assert(
      fc.property(anyOptions(), (options) =>
        assert.deepEqual(parseOptionString(formatOptionString(options)), options),
      ),
    )
  })

  test('round trip: values of all characters survive between other options', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (a, b) => {
          const [first, second] = [a, b]
          const text = `x=${escapeOptionValue(first)},y=${escapeOptionValue(second)}`
          assert.deepEqual(splitOptionString(text), [`x=${first}`, `y=${second}`])
        },
      ),
    )
  })

  test('for the helper no piece between commas can look like an x- option', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(',', 'x', '-', '\\', 'a') }), (value) =>
        escapeOptionValue(value)
          .split(',')
          .slice(1)
          .every((piece) => !piece.startsWith('x')),
      ),
    )
    const text = helperOptions(
      checkOptions({ fsname: 'a,x-b', subtype: 's\\t', readOnly: true, nosuid: false }),
    )
    assert.equal(text, 'fsname=a\\,\\x-b,subtype=s\\\\t,ro,suid')
  })
})

/** Any value that the rules allow, for the options that `-o` can spell. */
function anyOptions(): fc.Arbitrary<MountOptions> {
  const model: Record<string, fc.Arbitrary<unknown>> = {}
  for (const key of OPTION_KEYS) {
    const rule = OPTION_RULES[key]
    if (rule.kind === 'flag') {
      if (rule.on !== undefined) model[key] = rule.off === undefined ? fc.constant(true) : fc.boolean()
    } else if (rule.word === undefined) continue
    else if (rule.kind === 'number') model[key] = fc.integer({ min: rule.min, max: rule.max })
    else if (rule.kind === 'choice') model[key] = fc.constantFrom(...rule.of)
    else {
      const text = fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
        .filter((value) => !value.includes('\0'))
      model[key] = rule.absolute ? text.map((value) => `/${value}`) : text
    }
  }
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<MountOptions>
}

describe('nearest word', () => {
  test('edit distance', () => {
    assert.equal(editDistance('kitten', 'sitting'), 3)
    assert.equal(editDistance('', 'abc'), 3)
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a))
        assert.equal(editDistance(a, a), 0)
      }),
    )
  })

  test('nothing near enough gives no suggestion, and a long word costs no time', () => {
    assert.equal(nearest('frobnicate', ['ro', 'rw']), undefined)
    assert.equal(nearest('x'.repeat(1_000_000), ['ro']), undefined)
  })
})
