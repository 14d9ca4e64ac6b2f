// JSX of Vue: compiles scripts without types, as @vitejs/plugin-vue-jsx does in development.
export default async (host) => {
  const from = `${host.base}/node_modules/@vitejs/plugin-vue-jsx/package.json`;
  const load = async (name) => {
    const exports = await host.load(name, from);
    return exports.default ?? exports;
  };
  let babel, jsx;
  try {
    [babel, jsx] = [await load('@babel/core'), await load('@vue/babel-plugin-jsx')];
  } catch (error) {
    if (host.isNode) throw error;
    host.needNode(error.message);
  }

  const unwrapped = (node) =>
    ['TSAsExpression', 'TSSatisfiesExpression', 'TSTypeAssertion'].includes(node?.type) ? unwrapped(node.expression) : node;
  const isComponent = (node) => {
    const { type, callee } = unwrapped(node) ?? {};
    return type === 'CallExpression' && callee.type === 'Identifier' && callee.name === 'defineComponent';
  };

  /** Gives an exported component a name. */
  const named = ({ types }) => ({
    visitor: {
      ExportDefaultDeclaration(path) {
        const component = unwrapped(path.node.declaration);
        if (!isComponent(component)) return;
        const name = types.identifier('__default__');
        const definition = types.variableDeclaration('const', [types.variableDeclarator(name, component)]);
        const [defined] = path.replaceWithMultiple([definition, types.exportDefaultDeclaration(name)]);
        path.scope.registerDeclaration(defined);
      },
    },
  });

  /** Returns the exported components: the names in the module and those of the exports. */
  const componentsOf = (body) => {
    const declared = new Set();
    const found = [];
    const names = ({ declarations }) =>
      declarations.filter(({ id, init }) => id.type === 'Identifier' && isComponent(init)).map(({ id }) => id.name);
    for (const { type, declaration, specifiers, source } of body.flatMap((node) =>
      node.type === 'VariableDeclaration' ? [{ type: node.type, declaration: node }] : [node],
    )) {
      if (declaration?.type === 'VariableDeclaration') {
        for (const name of names(declaration)) {
          declared.add(name);
          if (type === 'ExportNamedDeclaration') found.push([name, name]);
        }
      } else if (type === 'ExportNamedDeclaration' && !source) {
        for (const { local, exported } of specifiers)
          if (declared.has(local.name) && exported.type === 'Identifier') found.push([local.name, exported.name]);
      } else if (type === 'ExportDefaultDeclaration' && declared.has(declaration.name)) {
        found.push([declaration.name, 'default']);
      }
    }
    return found;
  };

  return {
    compile: async ({ path, text, map, options = {} }) => {
      const { include, exclude, babelPlugins = [], defineComponentName, tsPluginOptions, tsTransform, ...rest } = options;
      let result;
      try {
        result = babel.transformSync(text, {
          babelrc: false,
          configFile: false,
          ast: true,
          compact: false,
          plugins: [[jsx, rest], named],
          sourceMaps: true,
          sourceFileName: path,
          inputSourceMap: map ? JSON.parse(map) : false,
        });
      } catch (error) {
        const message = String(error.message).split('\n')[0].replace(/^unknown( file)?: /, '').replace(/ \(\d+:\d+\)$/, '');
        throw Object.assign(new Error(message), { loc: error.loc });
      }
      return {
        code: result.code,
        map: JSON.stringify({ ...result.map, sourcesContent: undefined }),
        components: componentsOf(result.ast.program.body),
      };
    },
  };
};
