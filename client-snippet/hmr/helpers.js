// Runtime helpers of compiled TypeScript: legacy decorators (before TypeScript 5.0), and private
// members of classes whose fields are compiled to assignments. Names and arguments are those of
// Babel's helpers.

/** @typedef {(...args: any[]) => any} Call */
/** @typedef {{ has(key: any): boolean }} Brand The set of objects that have a private member, or the class itself. */

/**
 * Decorates a class or one of its members. `descriptor` is null for a method, undefined for a
 * field.
 * @param {Call[]} decorators
 * @param {any} target
 * @param {PropertyKey} [key]
 * @param {PropertyDescriptor | null} [descriptor]
 */
export function decorate(decorators, target, key, descriptor) {
  const isClass = key === undefined;
  const isField = descriptor === undefined;
  let result = isClass ? target : isField ? undefined : Object.getOwnPropertyDescriptor(target, key);
  for (const decorator of [...decorators].reverse()) {
    if (!decorator) continue;
    if (isClass) result = decorator(result) || result;
    else if (isField) result = decorator(target, key) || result;
    else result = decorator(target, key, result) || result;
  }
  if (!isClass && result) Object.defineProperty(target, key, result);
  return result;
}

/** @type {(index: number, decorator: Call) => Call} */
export const decorateParam = (index, decorator) => (target, key) => decorator(target, key, index);

/**
 * Records the type of a member, if a library for reflection is loaded.
 *
 * @type {(key: string, value: any) => any}
 */
export const decorateMetadata = (key, value) =>
  /** @type {any} */ (Reflect).metadata?.(key, value);

/** @type {(brand: Brand | Function, receiver: any, ...value: any[]) => any} */
export function assertClassBrand(brand, receiver, ...value) {
  if (typeof brand === 'function' ? brand === receiver : brand.has(receiver))
    return value.length ? value[0] : receiver;
  throw new TypeError('Private element is not present on this object');
}

/** @type {(brand: Brand, object: any) => void} */
function checkFresh(brand, object) {
  if (brand.has(object))
    throw new TypeError('Cannot initialize the same private elements twice on an object');
}

/** @type {(object: any, fields: WeakMap<any, any>, value: any) => void} */
export function classPrivateFieldInitSpec(object, fields, value) {
  checkFresh(fields, object);
  fields.set(object, value);
}

/** @type {(object: any, methods: WeakSet<any>) => void} */
export function classPrivateMethodInitSpec(object, methods) {
  checkFresh(methods, object);
  methods.add(object);
}

/** @type {(fields: WeakMap<any, any>, receiver: any) => any} */
export const classPrivateFieldGet2 = (fields, receiver) =>
  fields.get(assertClassBrand(fields, receiver));

/** @type {(fields: WeakMap<any, any>, receiver: any, value: any) => any} */
export function classPrivateFieldSet2(fields, receiver, value) {
  fields.set(assertClassBrand(fields, receiver), value);
  return value;
}

/**
 * Returns an object that calls a setter when its `_` is assigned.
 *
 * @type {(setter: Call, args: any[], self: any) => object}
 */
export const toSetter = (setter, args, self) => ({
  set _(/** @type {any} */ value) {
    setter.apply(self, [...(args ?? []), value]);
  },
});

/** @type {(value: any) => any} */
export function checkInRHS(value) {
  if (Object(value) === value) return value;
  throw new TypeError(`right-hand side of 'in' should be an object, got ${value === null ? 'null' : typeof value}`);
}

/** @type {(value: any) => PropertyKey} */
export const toPropertyKey = (value) =>
  typeof value === 'symbol' ? value : Reflect.ownKeys({ [value]: 0 })[0];

/** @type {(object: any, key: any, value: any) => any} */
export const defineProperty = (object, key, value) =>
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });

/**
 * Evaluates `super.key`. Flag 1: in an instance method. Flag 2: the result is called.
 *
 * @type {(home: any, key: PropertyKey, receiver: any, flags?: number) => any}
 */
export function superPropGet(home, key, receiver, flags = 0) {
  const parent = Object.getPrototypeOf(flags & 1 ? home.prototype : home);
  const value = Reflect.get(parent, key, receiver);
  return flags & 2 && typeof value === 'function'
    ? (/** @type {any[]} */ args) => value.apply(receiver, args)
    : value;
}

/** @type {(home: any, key: PropertyKey, value: any, receiver: any, strict: any, instance?: any) => any} */
export function superPropSet(home, key, value, receiver, strict, instance) {
  const parent = Object.getPrototypeOf(instance ? home.prototype : home);
  if (!Reflect.set(parent, key, value, receiver) && strict)
    throw new TypeError('failed to set property');
  return value;
}

/** @type {(name: string) => never} */
export function readOnlyError(name) {
  throw new TypeError(`"${name}" is read-only`);
}

/** @type {(name: string) => never} */
export function writeOnlyError(name) {
  throw new TypeError(`"${name}" is write-only`);
}
