const code = Lab.$(".code", element);
const show = () => { code.textContent = typeof props.value === "string" ? props.value : ""; };
watch("value", show); show();
