/** The part of the shell parser that is used here. The package has no types of its own. */
declare module 'mvdan-sh' {
  interface Node {
    Args: Node[];
    Parts: Node[];
    Value: string;
    Name: Node;
  }
  const sh: {
    syntax: {
      NewParser(): { Parse(text: string, name: string): Node };
      Walk(node: Node, visit: (node: Node | null) => boolean): void;
      NodeType(node: Node): string;
    };
  };
  export default sh;
}
